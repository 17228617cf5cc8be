package tenantsecrets

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

// secret is what a load is asked for.
type secret struct {
	tenant, path, name string
	decode             decoder
	kind               reflect.Type // what decode makes
}

// answer is what a load found.
type answer struct {
	value             any    // of the secret's kind, immutable
	current, previous string // version ids that were labelled so
	life              life
	changed           time.Time
	datedKeys         bool // a key of value ends at a time that depends on changed
	lacksKeys         bool // the previous version could not be found, this time
}

// life tells a secret from one of the same name that was deleted before: the
// random end of its ARN. Version ids do not, for they are its writers' choice.
type life [arnSuffix]byte

func lifeOf(arn string) (l life) {
	copy(l[:], arn[max(0, len(arn)-arnSuffix):])
	return l
}

// confirmedBy tells whether a description leaves nothing new to decode.
func (a *answer) confirmedBy(d *reader.Description) bool {
	return d.Current == a.current && d.Previous == a.previous && lifeOf(d.ARN) == a.life &&
		!a.lacksKeys && (!a.datedKeys || d.Changed.Equal(a.changed))
}

// loader fetches secrets and trusts nothing that comes back.
type loader struct {
	api    reader.API
	log    *slog.Logger
	now    func() time.Time
	place  arn.ARN // where secrets must be; empty members are pinned by the first load
	pinned atomic.Pointer[arn.ARN]
}

// fetch loads one secret: one DescribeSecret, then the values it has not seen.
func (l *loader) fetch(ctx context.Context, s *secret, k known) (answer, error) {
	load := reader.Begin(l.api, s.name)
	d, err := load.Describe(ctx)
	if err != nil {
		return answer{}, explain(err)
	}
	if err := l.admit(s, &d); err != nil {
		return answer{}, l.report(ctx, s, err)
	}
	if d.Changed.Before(k.changed) {
		return answer{}, transient("the answer is older than what was read before")
	}
	if d.Deleted {
		return answer{}, definite(ErrPendingDeletion, "DescribeSecret shows a DeletedDate")
	}
	unchanged := k.held != nil && k.held.confirmedBy(&d)
	if unchanged && !k.reread {
		return k.held.as(&d), nil
	}
	current, err := load.Current(ctx)
	if err != nil {
		return answer{}, l.report(ctx, s, explainValue(err))
	}
	if unchanged { // a version's value never changes
		return k.held.as(&d), nil
	}
	a := answer{current: d.Current, previous: d.Previous, changed: d.Changed, life: lifeOf(d.ARN)}
	if err := s.decode(ctx, &decoding{l, s, load, &d, current}, &a); err != nil {
		return answer{}, l.report(ctx, s, err)
	}
	if err := l.pin(s.name, d.ARN); err != nil {
		return answer{}, l.report(ctx, s, err)
	}
	return a, nil
}

// as is the answer as of a description that confirms it.
func (a answer) as(d *reader.Description) answer {
	a.changed = d.Changed
	return a
}

// explainValue is explain for the answer to GetSecretValue. The secret has just
// been described, so that a version which cannot be found is a read that lags
// behind, not a definite no.
func explainValue(err error) error {
	switch {
	case errors.Is(err, reader.ErrNoVersion):
		return definite(ErrNotFound, "no version is labelled AWSCURRENT")
	case errors.Is(err, reader.ErrNotText):
		return definite(ErrMalformed, "it is binary")
	case errors.Is(err, reader.ErrForeign):
		return definite(ErrWrongTenant, "the value is of another secret or version than was asked for")
	}
	f := explain(err)
	if errors.Is(f, ErrNotFound) {
		f.sentinel, f.definite = ErrUnavailable, false
	}
	return f
}

// admit checks a description before any value is read.
func (l *loader) admit(s *secret, d *reader.Description) error {
	if d.Name != s.name {
		return definite(ErrWrongTenant, "the answer is about another name")
	}
	if err := l.checkPlace(s.name, d.ARN); err != nil {
		return err
	}
	for tag, want := range map[string]string{tagTenantID: s.tenant, tagSecretType: secretType(s.path)} {
		if got, tagged := d.Tags[tag]; tagged && got != want {
			return definite(ErrWrongTenant, "its tag %s is not %q", tag, want)
		}
	}
	return nil
}

// checkPlace compares an ARN with the secret's name and with where secrets must
// be.
func (l *loader) checkPlace(name, text string) error {
	got, err := parseARN(text)
	if err != nil {
		return err
	}
	suffix := len("secret:") + len(name)
	if len(got.Resource) != suffix+1+arnSuffix || got.Resource[:suffix+1] != "secret:"+name+"-" {
		return definite(ErrWrongTenant, "the ARN is of another name")
	}
	want := l.place
	if pinned := l.pinned.Load(); pinned != nil {
		want = *pinned
	}
	for _, c := range []struct{ what, want, got string }{
		{"partition", want.Partition, got.Partition},
		{"account", want.AccountID, got.AccountID},
		{"Region", want.Region, got.Region},
	} {
		if c.want != "" && c.got != c.want {
			return definite(ErrWrongTenant, "its %s is not %s", c.what, c.want)
		}
	}
	return nil
}

func parseARN(text string) (arn.ARN, error) {
	a, err := arn.Parse(text)
	if err != nil || a.Service != "secretsmanager" {
		return arn.ARN{}, definite(ErrWrongTenant, "the answer has no ARN of a secret")
	}
	return a, nil
}

// pin fixes partition, account and Region to those of the first good load. Of
// two that were under way at once only one was first.
func (l *loader) pin(name, text string) error {
	a, err := parseARN(text)
	if err != nil || l.pinned.CompareAndSwap(nil, &a) {
		return err
	}
	return l.checkPlace(name, text)
}

// report tells the operator of what no caller may be told more about.
func (l *loader) report(ctx context.Context, s *secret, err error) error {
	if errors.Is(err, ErrWrongTenant) {
		l.log.ErrorContext(ctx, "tenantsecrets: refused an answer that belongs to another tenant or place", "name", s.name, "error", err)
	}
	return err
}

// decoding is the part of a load that makes a value of text.
type decoding struct {
	*loader
	secret      *secret
	load        *reader.Load
	description *reader.Description
	current     reader.Version
}

// decoder makes the value of a kind, and notes in the answer what it depends on.
type decoder func(ctx context.Context, d *decoding, a *answer) error

// hmacSecret is the current document and the keys of its ring.
type hmacSecret struct {
	current document.Version
	keys    []document.Key
}

// hmacDecoder decodes the HMAC document and, where somebody wrote it without
// regard to the version before, reads that one too.
func hmacDecoder(build func(d *decoding, h hmacSecret) any) decoder {
	return func(ctx context.Context, d *decoding, a *answer) error {
		current, err := decodeDocument(d.current)
		if err == nil {
			err = d.checkTenant(current)
		}
		if err != nil {
			return err
		}
		if current.Document.Suspended {
			return definite(ErrSuspended, "its document says so")
		}
		previous, err := d.foreign(ctx, current)
		switch {
		case errors.Is(err, errNotFoundYet):
			a.lacksKeys = true
		case err != nil:
			return err
		}
		keys := document.Ring(current, previous, d.description.Changed)
		a.value, a.datedKeys = build(d, hmacSecret{current, keys}), previous != nil
		return nil
	}
}

func decodeDocument(v reader.Version) (document.Version, error) {
	doc, err := document.Decode(v.Text)
	if err != nil {
		return document.Version{}, definite(ErrMalformed, "%v", err)
	}
	return document.Version{ID: v.ID, Created: v.Created, Document: doc}, nil
}

// errNotFoundYet is a previous version that was described and not found.
var errNotFoundYet = errors.New("the previous version cannot be found")

// foreign reads AWSPREVIOUS where the current document was not built from it. One
// that cannot be used gives no key and fails nothing. One that cannot be found is
// most likely a read that lags behind: it gives no key now, and the next load
// looks for it again.
func (d *decoding) foreign(ctx context.Context, current document.Version) (*document.Version, error) {
	id := d.description.Previous
	if !current.NeedsPrevious(id) {
		return nil, nil
	}
	text, err := d.load.Previous(ctx)
	var previous document.Version
	switch {
	case err == nil:
		previous, err = decodeDocument(text)
	case errors.Is(err, reader.ErrNotText):
		err = explainValue(err)
	case code(err) == "ResourceNotFoundException":
		d.warn(ctx, id, explain(err))
		return nil, errNotFoundYet
	default:
		return nil, explainValue(err)
	}
	if err != nil {
		d.warn(ctx, id, err)
		return nil, nil
	}
	if err := d.checkTenant(previous); err != nil {
		d.warn(ctx, id, err) // the ring takes no key of it, and heeds what it revokes
	}
	return &previous, nil
}

func (d *decoding) checkTenant(v document.Version) error {
	if v.Document.TenantID != d.secret.tenant {
		return definite(ErrWrongTenant, "tenant_id in its document is not %q", d.secret.tenant)
	}
	return nil
}

func (d *decoding) warn(ctx context.Context, version string, err error) {
	d.log.WarnContext(ctx, "tenantsecrets: the previous version gives no key", "name", d.secret.name, "version", version, "error", err)
}
