package tenantsecrets

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

// secret is what a load is asked for. tenant is a part of name.
type secret struct {
	name, tenant string
	kind         *secretKind
}

func (s *secret) identity() reader.Identity {
	return reader.IdentityOf(s.name, s.tenant, secretType(s.kind.path))
}

// secretKind is what is read at a path.
type secretKind struct {
	path   string
	of     reflect.Type // what decode makes
	decode decoder
	raw    bool // it is decoded from bytes, too
}

// life tells a secret from one of the same name that was deleted before: the
// random end of its ARN. Version ids do not, for they are its writers' choice.
type life [arnSuffix]byte

func lifeOf(arn string) (l life) {
	copy(l[:], arn[max(0, len(arn)-arnSuffix):])
	return l
}

// confirmedBy tells whether a description leaves nothing new to decode.
func (s *snapshot) confirmedBy(d *reader.Description) bool {
	switch {
	case s == nil, s.lacksKeys, d.Current != s.current, lifeOf(d.ARN) != s.life:
		return false
	case d.Partial: // what it does not say is as it was
		return true
	}
	return d.Previous == s.previous && (!s.datedKeys || micros(d.Changed) == s.changed)
}

// micros is a date in 8 bytes. 0 is no date.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// loader fetches secrets and trusts nothing that comes back.
type loader struct {
	api    API
	begin  func(name string) reader.Load
	log    *slog.Logger
	now    func() time.Time
	place  reader.Place // where secrets must be; empty members are pinned by the first load
	pinned atomic.Pointer[reader.Place]
	counts *counts
}

func newLoader(api API, o *Options, c *cache) *loader {
	l := &loader{
		api: api, log: o.Logger, now: c.clock.time, counts: &c.counts,
		place: reader.Place{Partition: o.Partition, Account: o.Account, Region: o.Region},
		begin: func(name string) reader.Load { return reader.Begin(api, name) },
	}
	if o.ValuesOnly {
		l.begin = func(name string) reader.Load { return reader.Values(api, name) }
	}
	return l
}

// fetch loads one secret with the reader that the client was made with.
func (l *loader) fetch(ctx context.Context, e *entry, k known) (found, error) {
	return l.read(ctx, e, k, l.begin(e.name))
}

// read loads one secret: its description, then the values it has not seen.
func (l *loader) read(ctx context.Context, e *entry, k known, load reader.Load) (found, error) {
	d, err := load.Describe(ctx)
	if err != nil {
		return found{}, l.report(ctx, e, explainDescription(err))
	}
	if err := l.admit(&e.secret, &d); err != nil {
		return found{}, l.report(ctx, e, err)
	}
	changed, unchanged := micros(d.Changed), k.held.confirmedBy(&d)
	if changed < k.changed && (!d.Partial || !unchanged) { // of a partial one nobody can tell
		return found{}, transient("the answer is older than what was read before")
	}
	if d.Deleted {
		return found{}, definite(ErrPendingDeletion, "DescribeSecret shows a DeletedDate")
	}
	if d.Partial && k.mismatch {
		unchanged = false
	}
	if unchanged && !k.reread {
		return found{k.held, changed}, nil
	}
	current, err := load.Current(ctx)
	if e.kind.raw && errors.Is(err, reader.ErrNotText) {
		err = nil
	}
	if err != nil {
		return found{}, l.report(ctx, e, explainValue(err))
	}
	if unchanged { // a version's value never changes
		return found{k.held, changed}, nil
	}
	s := newSnapshot(e)
	s.current, s.previous, s.changed, s.life = d.Current, d.Previous, changed, lifeOf(d.ARN)
	if err := e.kind.decode(ctx, &decoding{l, s, load, &d, current, k.mismatch}); err != nil {
		return found{}, l.report(ctx, e, err)
	}
	if err := l.pin(e.name, d.ARN); err != nil {
		return found{}, l.report(ctx, e, err)
	}
	return found{s, changed}, nil
}

// explainDescription is explain for the first answer of a load, which for some
// readers is a value. Of those only the text says that a deletion is scheduled.
func explainDescription(err error) error {
	if errors.Is(err, reader.ErrNotText) || errors.Is(err, reader.ErrForeign) || errors.Is(err, reader.ErrEmpty) {
		return explainValue(err)
	}
	return sentinels.ExplainRead(err)
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
		f.Sentinel, f.Definite = ErrUnavailable, false
	}
	return f
}

// admit checks a description before any value is read.
func (l *loader) admit(s *secret, d *reader.Description) error {
	identity := s.identity()
	if err := identity.Check(d, l.where()); err != nil {
		return definite(ErrWrongTenant, "%v", err)
	}
	if s.kind.raw { // nothing else says whose it is
		return explainOwner(identity.CheckTag(d))
	}
	return nil
}

// where secrets must be by now.
func (l *loader) where() reader.Place {
	if pinned := l.pinned.Load(); pinned != nil {
		return *pinned
	}
	return l.place
}

// checkPlace compares an ARN with the secret's name and with where secrets must
// be.
func (l *loader) checkPlace(name, arn string) error {
	if _, err := l.where().Check(name, arn); err != nil {
		return definite(ErrWrongTenant, "%v", err)
	}
	return nil
}

// pin fixes partition, account and Region to those of the first good load. Of
// two that were under way at once only one was first.
func (l *loader) pin(name, arn string) error {
	place, err := l.where().Check(name, arn)
	if err != nil {
		return definite(ErrWrongTenant, "%v", err)
	}
	if l.pinned.CompareAndSwap(nil, &place) {
		return nil
	}
	return l.checkPlace(name, arn)
}

// report counts what should not happen, and tells the operator of what no caller
// may be told more about.
func (l *loader) report(ctx context.Context, e *entry, err error) error {
	switch {
	case errors.Is(err, ErrWrongTenant):
		l.counts.wrongTenant.Add(1)
		l.log.ErrorContext(ctx, "tenantsecrets: refused an answer that belongs to another tenant or place", "name", e.name, "error", err)
	case errors.Is(err, ErrMalformed):
		l.counts.malformed.Add(1)
	}
	return err
}

// decoding is the part of a load that makes a value of text.
type decoding struct {
	*loader
	*snapshot   // in the making
	load        reader.Load
	description *reader.Description
	text        reader.Version // of the current version
	thorough    bool           // look for every key there is
}

// decoder makes the value of a kind, and notes in the snapshot what it depends on.
type decoder func(ctx context.Context, d *decoding) error

// hmacDecoder decodes the HMAC document and, where somebody wrote it without
// regard to the version before, reads that one too.
func hmacDecoder(value func(s *snapshot) any) decoder {
	return func(ctx context.Context, d *decoding) error {
		current, err := decodeDocument(d.text)
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
			d.lacksKeys = true
		case err != nil:
			return err
		}
		d.datedKeys = previous != nil
		d.hold(current.Document.Key, document.Ring(current, previous, d.description.Changed), d.now)
		d.value = value(d.snapshot)
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
	if !d.wantsPrevious(current) {
		return nil, nil
	}
	text, err := d.load.Previous(ctx)
	var previous document.Version
	switch {
	case err == nil:
		d.previous = text.ID
		previous, err = decodeDocument(text)
	case errors.Is(err, reader.ErrNoVersion):
		return nil, nil // a partial description's: there is none
	case errors.Is(err, reader.ErrNotRead):
		return nil, errNotFoundYet
	case errors.Is(err, reader.ErrNotText):
		err = explainValue(err)
	case answer.Code(err) == "ResourceNotFoundException":
		d.warn(ctx, d.previous, explain(err))
		return nil, errNotFoundYet
	default:
		return nil, explainValue(err)
	}
	if err != nil {
		d.warn(ctx, d.previous, err)
		return nil, nil
	}
	if err := d.checkTenant(previous); err != nil {
		d.warn(ctx, d.previous, err) // the ring takes no key of it, and heeds what it revokes
	}
	return &previous, nil
}

// wantsPrevious tells whether AWSPREVIOUS is to be read. A partial description does
// not say what it is: then it is what the document was built from, unless
// somebody wrote it who does not say so, or a signature asks for every key.
func (d *decoding) wantsPrevious(current document.Version) bool {
	if !d.description.Partial {
		return current.NeedsPrevious(d.previous)
	}
	d.previous = current.Document.Base
	return d.thorough || !current.Document.Based
}

func (d *decoding) checkTenant(v document.Version) error {
	if v.Document.TenantID != d.entry.tenant {
		return definite(ErrWrongTenant, "tenant_id in its document is not %q", d.entry.tenant)
	}
	return nil
}

func (d *decoding) warn(ctx context.Context, version string, err error) {
	d.counts.badPrevious.Add(1)
	d.log.WarnContext(ctx, "tenantsecrets: the previous version gives no key", "name", d.entry.name, "version", version, "error", err)
}
