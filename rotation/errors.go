package rotation

import (
	"context"
	"errors"
	"fmt"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// What can go wrong beside the errors of package tenantsecrets, for errors.Is. The
// error itself is a *tenantsecrets.Error.
var (
	// ErrTooManyKeys: eight keys are live, and no reader tries a ninth. The text says
	// when one ends, and with which grace rotations as frequent as this would go on.
	ErrTooManyKeys = errors.New("no room for another key: wait until one ends, or revoke one; rotate less often, or with a smaller grace")

	// ErrRotationInProgress: AWSPENDING is on a version that is not current: a rotation
	// that AWS drives is under way, or one that failed left it there.
	ErrRotationInProgress = writer.ErrRotationInProgress

	// ErrClock: this process's clock is more than 30 s from Secrets Manager's, and the
	// times in a document would be wrong.
	ErrClock = errors.New("the clock is wrong: set it before rotating")

	// ErrUnknownKey: no key of the secret has that kid.
	ErrUnknownKey = errors.New("no key has this kid: look for it with Versions")

	// ErrRevoked: the key was revoked, and never comes back.
	ErrRevoked = errors.New("the key is revoked: roll back to another, or rotate")

	// ErrContended: others keep on writing the secret. Nothing was written.
	ErrContended = errors.New("others write the secret at the same time: try again later")

	// ErrStep: the event of a rotation function does not fit the secret. Nothing was
	// changed.
	ErrStep = errors.New("this step cannot be taken")

	// ErrAbandoned: the pending version cannot become current any more. Its AWSPENDING
	// label was taken off, so that the next rotation starts anew.
	ErrAbandoned = errors.New("the pending version was abandoned: start the rotation again")

	// ErrFarSide: a [Setter] or [Tester] failed. errors.As finds its error; its text is
	// dropped, for it may quote the secret.
	ErrFarSide = errors.New("the target system did not take the pending secret: the step can be tried again")
)

// sentinels are the names of what Secrets Manager's answers come to.
var sentinels = answer.Sentinels{
	Unavailable:     tenantsecrets.ErrUnavailable,
	NotFound:        tenantsecrets.ErrNotFound,
	AccessDenied:    tenantsecrets.ErrAccessDenied,
	PendingDeletion: tenantsecrets.ErrPendingDeletion,
	Refused:         tenantsecrets.ErrRefused,
	WrongTenant:     tenantsecrets.ErrWrongTenant,
	Malformed:       tenantsecrets.ErrMalformed,
}

func definite(sentinel error, format string, args ...any) error {
	return answer.Definite(sentinel, format, args...)
}

// failed makes a call's error of what went wrong.
func failed(op string, s writer.Secret, err error) error {
	if err == nil {
		return nil
	}
	return &tenantsecrets.Error{Op: op, Tenant: s.Tenant, Name: s.Name, Err: err}
}

// explainDraft names why there is no next version.
func (r *Rotator) explainDraft(ctx context.Context, err error) error {
	var malformed document.Malformed
	var full *document.TooMany
	switch {
	case ctx.Err() != nil:
		return r.writer.Abandoned(ctx)
	case errors.As(err, &malformed):
		return definite(tenantsecrets.ErrMalformed, "%v", malformed)
	case errors.As(err, &full):
		return fmt.Errorf("%w: %w", ErrTooManyKeys, full)
	}
	return err
}
