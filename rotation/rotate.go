package rotation

import (
	"context"
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// The grace: how long a key that is replaced is accepted after the new one signs.
const (
	defaultGrace = 24 * time.Hour
	minGrace     = document.MinGrace
	maxGrace     = document.MaxGrace
)

// RotateOptions are what [Rotator.Rotate] and [Rotator.RotateAll] can be told.
type RotateOptions struct {
	// OlderThan leaves a key alone that is not older: the outcome is TooYoung. 0: any is
	// rotated.
	OlderThan time.Duration

	// Grace is how long the key that is replaced is accepted after the new one has begun
	// to sign; that of [Options] by default, 10 min to 30 days.
	Grace time.Duration

	// DryRun writes nothing: where a rotation is due, the outcome is Planned.
	DryRun bool
}

func (o *RotateOptions) resolve(grace time.Duration) error {
	if o.Grace == 0 {
		o.Grace = grace
	}
	if o.OlderThan < 0 {
		return fmt.Errorf("%w: OlderThan %v is negative", tenantsecrets.ErrInvalidOption, o.OlderThan)
	}
	return validateGrace(o.Grace)
}

func validateGrace(grace time.Duration) error {
	if grace < minGrace || grace > maxGrace {
		return fmt.Errorf("%w: a grace of %v is not within %v and %v", tenantsecrets.ErrInvalidOption, grace, minGrace, maxGrace)
	}
	return nil
}

// Rotate puts a new key on top of a tenant's keys. Readers accept it as soon as they
// see it; it signs MaxStale and 5 min later, when every reader has; from then on the
// one before is accepted for Grace. Where another process does the same at the same
// time, one of the two writes and both succeed.
//
// This process sees the new key within TTL as any other. To hand it over at once, call
// Client.Refresh until the secret's VersionID is the Result's: a read may lag behind the
// write by seconds. Of a destination's key, which Refresh does not read, forget what is
// held with Client.Invalidate(tenant, DestinationHMACKey(name).Path).
//
// It costs a DescribeSecret, a GetSecretValue and a PutSecretValue. Where no answer
// comes the error is ErrUnavailable, and the key may have been rotated: to try again
// without rotating twice, set OlderThan. The error is a *tenantsecrets.Error around
// one of the sentinels.
func (r *Rotator) Rotate(ctx context.Context, tenant string, optFns ...func(*RotateOptions)) (Result, error) {
	var o RotateOptions
	for _, fn := range optFns {
		fn(&o)
	}
	s, err := r.secret(tenant)
	if err == nil {
		err = o.resolve(r.grace)
	}
	if err != nil {
		return Result{}, failed("Rotate", s, err)
	}
	result, err := r.rotate(ctx, s, o)
	return result, failed("Rotate", s, err)
}

func (r *Rotator) rotate(ctx context.Context, s writer.Secret, o RotateOptions) (Result, error) {
	var first *document.Document
	began := r.now()
	return r.change(ctx, s, func(found *state) (Outcome, draft, error) {
		newest := found.current.Document
		if first == nil {
			first = newest
		}
		switch {
		case newest.KID != first.KID && newest.CreatedAt.After(began.Add(-2*time.Minute)): // made for this, not brought back
			return AlreadyDone, nil, nil
		case o.OlderThan > 0 && r.now().Sub(newest.CreatedAt) <= o.OlderThan:
			return TooYoung, nil, nil
		case found.pending != "":
			return 0, nil, ErrRotationInProgress
		}
		rotated := func(versionID string) (*document.Draft, error) {
			d := found.draft(r.schedule(o.Grace))
			return d, d.Rotate(r.fresh(versionID))
		}
		if o.DryRun {
			_, err := rotated("")
			return Planned, nil, err
		}
		return Done, rotated, nil
	})
}
