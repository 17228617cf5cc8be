package rotation_test

import (
	"context"
	"log/slog"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

func (w *world) rotator(p *port) *rotation.Rotator {
	r, err := rotation.New(w.client, p, func(o *rotation.Options) {
		o.Now = func() time.Time { return time.Now().Add(p.skew) }
		o.Logger = slog.New(slog.DiscardHandler)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// rotates is a rotator.
func rotates(name string) *role {
	rotate := func(ctx context.Context, w *world, p *port) (string, error) {
		result, err := w.rotator(p).Rotate(ctx, tenant)
		return result.VersionID, err
	}
	return &role{
		name: name, kind: "rotator", opens: "DescribeSecret", makes: routine, act: rotate,
		again: func(ctx context.Context, w *world, p *port) error {
			_, err := rotate(ctx, w, p)
			return err
		},
	}
}

// off is the same role with a clock that is wrong by so much.
func (r *role) off(skew time.Duration) *role {
	r.skew = skew
	return r
}

// slow and fast have clocks that are no good.
func slow() *role { return refused(rotates("slow").off(-3 * time.Hour)) }
func fast() *role { return refused(rotates("fast").off(3 * time.Hour)) }

func refused(r *role) *role {
	r.fails, r.again = []error{rotation.ErrClock}, nil
	return r
}

// besideLambda may find a rotation in progress.
func besideLambda(r *role) *role {
	r.fails = []error{rotation.ErrRotationInProgress}
	return r
}

// revokes revokes a key that was live when the schedule began.
func revokes() *role {
	revoke := func(ctx context.Context, w *world, p *port) error {
		_, err := w.rotator(p).Revoke(ctx, tenant, w.leaked.KID)
		return err
	}
	return &role{
		name: "revoker", kind: "revoker", opens: "DescribeSecret", makes: revocation, again: revoke,
		act: func(ctx context.Context, w *world, p *port) (string, error) { return "", revoke(ctx, w, p) },
	}
}

// rollsBack puts the key on top again that the first rotation replaced.
func rollsBack() *role {
	rollback := func(ctx context.Context, w *world, p *port) (string, error) {
		result, err := w.rotator(p).Rollback(ctx, tenant, w.older.KID)
		return result.VersionID, err
	}
	return &role{
		name: "rollback", kind: "rollback", opens: "DescribeSecret", makes: routine, act: rollback,
		again: func(ctx context.Context, w *world, p *port) error {
			_, err := rollback(ctx, w, p)
			return err
		},
	}
}
