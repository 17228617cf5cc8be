package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// state is an HMAC secret as it was read, all that the next version follows from.
type state struct {
	writer.Secret
	base      writer.Base
	pending   string // the version that an AWS-driven rotation prepares; "" for none
	current   document.Version
	previous  *document.Version // nil: none, or none that counts
	changed   time.Time
	unclocked bool // the server did not say what time it is
}

// draft starts the next version.
func (s *state) draft(schedule document.Schedule) *document.Draft {
	return document.NewDraft(s.current, s.previous, s.changed, schedule)
}

// read reads a secret, and trusts nothing that comes back.
func (r *Rotator) read(ctx context.Context, s writer.Secret) (*state, error) {
	load := r.begin(s)
	began := r.now()
	d, err := r.writer.Describe(ctx, s, load)
	if err != nil {
		return nil, err
	}
	unclocked, err := r.checkClock(ctx, began, d.Answered)
	if err != nil {
		return nil, err
	}
	text, err := described(ctx, r, load.Current)
	switch {
	case answer.Code(err) == "ResourceNotFoundException":
		return nil, sentinels.Transient("the current version cannot be found yet")
	case err != nil:
		return nil, r.writer.ExplainRead(ctx, err)
	}
	s.ARN = d.ARN // every answer that follows must be about this secret
	found := &state{Secret: s, base: writer.Base{Name: s.Name, ARN: d.ARN, VersionID: d.Current, Read: began, Changed: d.Changed}, changed: d.Changed, unclocked: unclocked}
	if d.Pending != d.Current {
		found.pending = d.Pending
	}
	if found.current, err = decodeOf(s, text); err != nil {
		return nil, err
	}
	if found.current.NeedsPrevious(d.Previous) {
		found.previous, err = r.readPrevious(ctx, s, load, d.Changed)
	}
	return found, err
}

// begin begins a load of a secret.
func (r *Rotator) begin(s writer.Secret) reader.Load { return reader.Begin(r.api, s.ID()) }

// described reads a value that a description names. One that cannot be found is most
// likely a read that lags behind, so it is looked for more than once.
func described(ctx context.Context, r *Rotator, read func(context.Context) (reader.Version, error)) (reader.Version, error) {
	for gap := firstGap; ; gap *= 2 {
		v, err := writer.Request(ctx, r.writer, read)
		if answer.Code(err) != "ResourceNotFoundException" || gap > 2*lastGap || writer.Sleep(ctx, gap) != nil {
			return v, err
		}
	}
}

// checkClock compares the clock with the server's. The server's time lies between
// when it was asked and now, and comes in whole seconds.
func (r *Rotator) checkClock(ctx context.Context, asked, server time.Time) (unclocked bool, err error) {
	if server.IsZero() {
		r.log.WarnContext(ctx, "rotation: the server does not say what time it is: the clock could not be checked")
		return true, nil
	}
	skew := max(asked.Add(-time.Second).Sub(server), server.Sub(r.now()))
	if skew > maxSkew {
		return false, fmt.Errorf("%w: it is %v from Secrets Manager's", ErrClock, skew.Round(time.Second))
	}
	return false, nil
}

func decode(text reader.Version) (document.Version, error) {
	doc, err := document.Decode(text.Text)
	if err != nil {
		return document.Version{}, definite(tenantsecrets.ErrMalformed, "%v", err)
	}
	return document.Version{ID: text.ID, Created: text.Created, Document: doc}, nil
}

// decodeOf decodes a version of the secret's own tenant.
func decodeOf(s writer.Secret, text reader.Version) (document.Version, error) {
	v, err := decode(text)
	if err == nil && v.Document.TenantID != s.Tenant {
		err = definite(tenantsecrets.ErrWrongTenant, "tenant_id in its document is not %q", s.Tenant)
	}
	return v, err
}

// longestLag is how long after a change a read may not show it yet, with room to spare.
const longestLag = time.Minute

// readPrevious reads AWSPREVIOUS, whose keys would be lost else. One that is malformed
// gives none, and of another tenant's the ring takes none. One that cannot be found is a
// read that lags behind a change, or else a version that never got a value.
func (r *Rotator) readPrevious(ctx context.Context, s writer.Secret, load reader.Load, changed time.Time) (*document.Version, error) {
	text, err := described(ctx, r, load.Previous)
	switch {
	case errors.Is(err, reader.ErrNotText):
		r.warn(ctx, s, definite(tenantsecrets.ErrMalformed, "it is binary"))
		return nil, nil
	case answer.Code(err) == "ResourceNotFoundException" && ctx.Err() == nil && r.now().Sub(changed) > longestLag:
		r.warn(ctx, s, definite(tenantsecrets.ErrMalformed, "it holds no value"))
		return nil, nil
	case answer.Code(err) == "ResourceNotFoundException" && ctx.Err() == nil:
		return nil, sentinels.Transient("the previous version cannot be found yet")
	case err != nil:
		return nil, r.writer.ExplainRead(ctx, err)
	}
	v, err := decodeOf(s, text)
	if err != nil {
		r.warn(ctx, s, err)
	}
	if v.Document == nil {
		return nil, nil
	}
	return &v, nil
}

func (r *Rotator) warn(ctx context.Context, s writer.Secret, err error) {
	r.log.WarnContext(ctx, "rotation: the previous version gives no key", "name", s.Name, "error", err)
}
