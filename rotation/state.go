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

// read reads a secret, which id names or is the ARN of, and trusts nothing that comes
// back.
func (r *Rotator) read(ctx context.Context, s writer.Secret, id string) (*state, error) {
	load := reader.Begin(r.api, id)
	began := r.now()
	d, err := r.writer.Describe(ctx, s, load)
	if err != nil {
		return nil, err
	}
	unclocked, err := r.checkClock(ctx, began, d.Answered)
	if err != nil {
		return nil, err
	}
	text, err := writer.Request(ctx, r.writer, load.Current)
	if err != nil {
		return nil, r.writer.ExplainRead(ctx, err)
	}
	found := &state{Secret: s, base: writer.Base{ARN: d.ARN, VersionID: d.Current, Read: began}, changed: d.Changed, unclocked: unclocked}
	if d.Pending != d.Current {
		found.pending = d.Pending
	}
	if found.current, err = decodeOf(s, text); err != nil {
		return nil, err
	}
	if found.current.NeedsPrevious(d.Previous) {
		found.previous, err = r.readPrevious(ctx, s, load)
	}
	return found, err
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

// readPrevious reads AWSPREVIOUS, whose keys would be lost else. One that is malformed
// gives none, of another tenant's the ring takes none. One that cannot be found is a read that lags behind.
func (r *Rotator) readPrevious(ctx context.Context, s writer.Secret, load reader.Load) (*document.Version, error) {
	text, err := writer.Request(ctx, r.writer, load.Previous)
	switch {
	case errors.Is(err, reader.ErrNotText):
		r.warn(ctx, s, definite(tenantsecrets.ErrMalformed, "it is binary"))
		return nil, nil
	case answer.Code(err) == "ResourceNotFoundException":
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
