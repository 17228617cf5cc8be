package rotation

import (
	"context"
	"time"

	"github.com/formbridge/tenantsecrets/internal/reader"
)

// stepsTake is how long after createSecret a key may become current: as long as a
// Lambda function may run. A new key signs that much later than one of Rotate.
const stepsTake = 15 * time.Minute

// keys is the maker of HMAC secrets, which have no target system: whoever verifies reads the
// same secret.
type keys struct{}

func (keys) create(ctx context.Context, t *turn) (string, error) {
	found, err := t.read(ctx, t.Secret)
	if err != nil {
		return "", err
	}
	if err := t.checkSame(found); err != nil {
		return "", err
	}
	schedule := t.schedule(t.grace)
	schedule.Handover += stepsTake
	d := found.draft(schedule)
	if err := d.Rotate(t.fresh(t.event.ClientRequestToken)); err != nil {
		return "", t.explainDraft(ctx, err)
	}
	text, err := d.Encode()
	if err != nil {
		return "", t.explainDraft(ctx, err)
	}
	return text, nil
}

// checkSame refuses a read that is not of the version that the step began with: it lags
// behind, or somebody has written meanwhile. The step's next try knows.
func (t *turn) checkSame(found *state) error {
	if found.base.VersionID != t.described.Current {
		return sentinels.Transient("what is read is not of the version that was described")
	}
	return nil
}

func (keys) set(context.Context, *turn, string) error { return nil }

// test looks whether the pending document has every key that is live, and is young
// enough for every reader to see its key before it signs.
func (keys) test(ctx context.Context, t *turn, text string) error {
	pending, err := decodeOf(t.Secret, reader.Version{ID: t.event.ClientRequestToken, Text: text})
	if err != nil {
		return t.abandon(ctx, "it is not a document of the tenant's")
	}
	found, err := t.read(ctx, t.Secret)
	if err != nil {
		return err
	}
	if found.base.VersionID == t.event.ClientRequestToken {
		return nil // promoted meanwhile, by another call of finishSecret
	}
	if err := t.checkSame(found); err != nil {
		return err
	}
	live := found.draft(t.schedule(0))
	switch {
	case t.now().Sub(pending.Document.CreatedAt) > stepsTake:
		return t.abandon(ctx, "its key would sign before every reader has seen it")
	case !live.Within(pending.Document):
		return t.abandon(ctx, "it lacks a key that is live, or a revocation")
	}
	return nil
}

// testCurrent reads all that a rotation would start from.
func (keys) testCurrent(ctx context.Context, t *turn, _ string) error {
	found, err := t.read(ctx, t.Secret)
	if err != nil {
		return err
	}
	return t.checkSame(found)
}
