package rotation

import (
	"context"
	"fmt"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// Rollback puts an older key on top again, by its kid; the newer ones are still
// accepted, as keys that were replaced. One that is live signs at once, for every
// reader knows it; one whose time was over signs when every reader has seen it, and
// until then the one that signs now does. A revoked key is ErrRevoked, and one that no
// version of the secret has is ErrUnknownKey.
//
// The key keeps its created_at: what rotates by age takes it for as old as it is.
func (r *Rotator) Rollback(ctx context.Context, tenant, kid string) (Result, error) {
	s, err := r.secret(tenant)
	if err != nil {
		return Result{}, failed("Rollback", s, err)
	}
	result, err := r.change(ctx, s, func(found *state) (Outcome, draft, error) {
		return r.rollback(ctx, found, kid)
	})
	return result, failed("Rollback", s, err)
}

func (r *Rotator) rollback(ctx context.Context, found *state, kid string) (Outcome, draft, error) {
	before := found.draft(r.schedule(defaultGrace))
	key, live := before.Find(kid)
	switch {
	case before.IsRevoked(kid):
		return 0, nil, fmt.Errorf("%w: %+q", ErrRevoked, kid)
	case live && before.Keys()[0].KID == kid:
		return AlreadyDone, nil, nil
	case found.pending != "":
		return 0, nil, ErrRotationInProgress
	case !live:
		var err error
		if key, err = r.keyOf(ctx, found.Secret, kid); err != nil {
			return 0, nil, err
		}
	}
	return Done, func(string) (*document.Draft, error) {
		d := found.draft(r.schedule(defaultGrace))
		return d, d.Restore(key)
	}, nil
}
