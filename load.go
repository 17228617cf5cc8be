package tenantsecrets

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/cache"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/keyring"
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

// loaded is what the cache has of a secret: one version of it, decoded. What a hit reads
// comes first.
type loaded struct {
	keys    keyring.Ring // of an HMAC secret
	keyring Keyring      // of keys
	hmacText
	value             any    // of the secret's kind
	current, previous string // version IDs that had these labels
	changed           int64  // LastChangedDate in microseconds; 0: unknown
	life              life
	datedKeys         bool // a key ends at a time that depends on changed
	lacksKeys         bool // the previous version was not read, or could not be found
}

// setKeys makes it the value of an HMAC secret. It must not move from then on.
func (l *loaded) setKeys(newest document.Key, ring []document.Key, now func() time.Time) {
	for i := range ring {
		if ring[i].KID == l.current {
			ring[i].KID = l.current // one text instead of two
		}
	}
	l.keys.Set(ring, now)
	l.keyring = newKeyring(&l.keys)
	l.hmacText = hmacText{newest.Secret, newest.Encoding, newest.CreatedAt.UnixMicro()}
}

// confirmedBy reports whether a description leaves nothing new to decode.
func (l *loaded) confirmedBy(d *reader.Description) bool {
	switch {
	case l.lacksKeys, d.Current != l.current, lifeOf(d.ARN) != l.life:
		return false
	case d.Partial: // what it does not say is as it was
		return true
	}
	return d.Previous == l.previous && (!l.datedKeys || micros(d.Changed) == l.changed)
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
	watch  *watch
}

func newLoader(api API, o *Options, w *watch) *loader {
	l := &loader{
		api: api, log: o.Logger, now: w.now, watch: w,
		place: reader.Place{Partition: o.Partition, Account: o.Account, Region: o.Region},
		begin: func(name string) reader.Load { return reader.Begin(api, name) },
	}
	if o.ValuesOnly {
		l.begin = func(name string) reader.Load { return reader.Values(api, name) }
	}
	return l
}

// fetch loads one secret with the reader that the client was made with.
func (l *loader) fetch(ctx context.Context, e *cacheEntry, k cached) (*cacheItem, int64, error) {
	return l.read(ctx, e, k, l.begin(e.Subject.name))
}

// read loads one secret: its description, then the values that were not read before. The
// stamp is its LastChangedDate.
func (l *loader) read(ctx context.Context, e *cacheEntry, k cached, load reader.Load) (*cacheItem, int64, error) {
	i, changed, err := l.find(ctx, e, k, load)
	if err != nil {
		return nil, 0, l.report(ctx, &e.Subject, err)
	}
	return i, changed, nil
}

func (l *loader) find(ctx context.Context, e *cacheEntry, k cached, load reader.Load) (*cacheItem, int64, error) {
	s := &e.Subject
	d, err := load.Describe(ctx)
	if err != nil {
		return nil, 0, explainDescription(err)
	}
	if err := l.admit(s, &d); err != nil {
		return nil, 0, err
	}
	changed, unchanged := micros(d.Changed), k.Item != nil && k.Item.Value.confirmedBy(&d)
	if changed < k.Stamp && (!d.Partial || !unchanged) { // of a partial one nobody can tell
		return nil, 0, transient("the answer is older than what was read before")
	}
	if d.Deleted {
		return nil, 0, definite(ErrPendingDeletion, "DescribeSecret shows a DeletedDate")
	}
	if d.Partial && k.Mismatch {
		unchanged = false
	}
	if unchanged && !k.Reread {
		return k.Item, changed, nil
	}
	current, err := load.Current(ctx)
	if s.kind.raw && errors.Is(err, reader.ErrNotText) {
		err = nil
	}
	if err != nil {
		return nil, 0, explainValue(err)
	}
	if unchanged { // a version's value never changes
		return k.Item, changed, nil
	}
	i := cache.NewItem(e)
	v := &i.Value
	v.current, v.previous, v.changed, v.life = d.Current, d.Previous, changed, lifeOf(d.ARN)
	if err := s.kind.decode(ctx, &decoding{l, s, v, load, &d, current, k.Mismatch}); err != nil {
		return nil, 0, err
	}
	return i, changed, l.pin(s.name, d.ARN)
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
func (l *loader) report(ctx context.Context, s *secret, err error) error {
	switch {
	case errors.Is(err, ErrWrongTenant):
		l.watch.wrongTenant.Add(1)
		l.log.ErrorContext(ctx, "tenantsecrets: refused an answer that belongs to another tenant or place", "name", s.name, "error", err)
	case errors.Is(err, ErrMalformed):
		l.watch.malformed.Add(1)
	}
	return err
}

// decoding is the part of a load that makes a value of text.
type decoding struct {
	*loader
	*secret
	*loaded     // in the making
	load        reader.Load
	description *reader.Description
	text        reader.Version // of the current version
	thorough    bool           // look for every key there is
}

// decoder makes the value of a kind, and notes in the snapshot what it depends on.
type decoder func(ctx context.Context, d *decoding) error

// hmacDecoder decodes the HMAC document and, where somebody wrote it without
// regard to the version before, reads that one too.
func hmacDecoder(value func(s *secret, l *loaded) any) decoder {
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
		d.setKeys(current.Document.Key, document.Ring(current, previous, d.description.Changed), d.now)
		d.value = value(d.secret, d.loaded)
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
	if v.Document.TenantID != d.tenant {
		return definite(ErrWrongTenant, "tenant_id in its document is not %q", d.tenant)
	}
	return nil
}

func (d *decoding) warn(ctx context.Context, version string, err error) {
	d.watch.badPrevious.Add(1)
	d.log.WarnContext(ctx, "tenantsecrets: the previous version gives no key", "name", d.name, "version", version, "error", err)
}
