package rotation

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// A call that loses against another writer reads again and looks at its goal anew, so
// often, and with these pauses.
const (
	rounds   = 10
	firstGap = 100 * time.Millisecond
	lastGap  = 2 * time.Second
)

// goal says what a call wants of a secret as it is now. Where there is nothing to
// write, the outcome is not Done. draft is called for every version id that is tried.
type goal func(s *state) (Outcome, draft, error)

// draft makes the next version under an id.
type draft func(versionID string) (*document.Draft, error)

// change brings a secret to a goal.
func (r *Rotator) change(ctx context.Context, s writer.Secret, want goal) (Result, error) {
	gap := firstGap
	for round := 1; ; round++ {
		result, err := r.attempt(ctx, s, want)
		if !errors.Is(err, writer.ErrLost) {
			return result, err
		}
		if round == rounds {
			return Result{}, ErrContended
		}
		if writer.Sleep(ctx, gap/2+rand.N(gap)) != nil { // apart from the other losers
			return Result{}, r.writer.Abandoned(ctx)
		}
		gap = min(2*gap, lastGap)
	}
}

// attempt reads, and writes what is wanted if nobody else was first.
func (r *Rotator) attempt(ctx context.Context, s writer.Secret, want goal) (Result, error) {
	found, err := r.read(ctx, s)
	if err != nil {
		return Result{}, err
	}
	outcome, compose, err := want(found)
	if err != nil {
		return Result{}, r.explainDraft(ctx, err)
	}
	result := Result{Outcome: outcome, VersionID: found.base.VersionID, ClockUnchecked: found.unclocked}
	if outcome != Done {
		result.Keys = keysOf(found.draft(r.schedule(0)).Keys())
		return result, nil
	}
	var refused error // by the draft, not by Secrets Manager
	result.VersionID, err = r.writer.Put(ctx, found.base, func(versionID string) (text string, _ error) {
		var d *document.Draft
		if d, refused = compose(versionID); refused != nil {
			return "", refused
		}
		result.Keys = keysOf(d.Keys())
		text, refused = d.Encode()
		return text, refused
	})
	switch {
	case refused != nil:
		return Result{}, r.explainDraft(ctx, refused)
	case errors.Is(err, writer.ErrLost):
		return Result{}, err
	case err != nil:
		return Result{}, r.writer.ExplainWrite(ctx, err)
	}
	return result, nil
}

// schedule is that of a change made now.
func (r *Rotator) schedule(grace time.Duration) document.Schedule {
	return document.Schedule{At: r.now(), Handover: r.maxStale + handoverSlack, Grace: grace}
}

// fresh makes a key.
func (r *Rotator) fresh(versionID string) document.Key {
	return document.GenerateKey(versionID, r.now().UTC().Truncate(time.Second))
}
