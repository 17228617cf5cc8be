package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Rollback puts an older key on top again, by its kid; the newer ones are still
// accepted, as keys that were replaced. One that every reader accepts until it has seen
// the change signs at once; one whose time is over, or nearly, signs when every reader
// has seen it, and until then the one that signs now does. A key that any version of the
// secret revokes is ErrRevoked, and one that no version has is ErrUnknownKey.
//
// This process sees it within TTL as any other; see [Rotator.Rotate] for how to make it
// look now.
//
// The key keeps its created_at: what rotates by age takes it for as old as it is. What a
// document of another program's has beside the members of that key is not kept.
//
// It costs what [Rotator.Rotate] does, and for a key whose time is over what
// [Rotator.Versions] does as well. The error is a *tenantsecrets.Error.
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
	before := found.draft(r.schedule(r.grace))
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
		if key, err = r.keyOf(ctx, found, kid); err != nil {
			return 0, nil, err
		}
		if err = r.checkNeverRevoked(ctx, found.Secret, before, key); err != nil {
			return 0, nil, err
		}
	}
	return Done, func(string) (*document.Draft, error) {
		d := found.draft(r.schedule(r.grace))
		return d, d.Restore(key)
	}, nil
}

// checkNeverRevoked looks through every version there is: what a document revokes is
// lost where others write two in a row, and a key may have been stored under two kids.
func (r *Rotator) checkNeverRevoked(ctx context.Context, s writer.Secret, d *document.Draft, key document.Key) error {
	entries, err := r.listVersions(ctx, s)
	if err != nil {
		return err
	}
	same, revoked := []string{key.KID}, d.Revoked()
	for _, e := range entries {
		text, err := r.writer.Version(ctx, s, aws.ToString(e.VersionId))
		switch code := answer.Code(err); {
		case code == "ResourceNotFoundException", code == "InvalidRequestException" && !answer.SaysDeleted(err), errors.Is(err, reader.ErrNotText):
			continue // it holds nothing that could be a document
		case err != nil:
			return r.writer.ExplainRead(ctx, err)
		}
		v, err := decode(text)
		if err != nil {
			continue
		}
		revoked = append(revoked, v.Document.Revoked...)
		same = append(same, v.Names(key)...)
	}
	if slices.ContainsFunc(same, func(kid string) bool { return slices.Contains(revoked, kid) }) {
		return fmt.Errorf("%w: %+q", ErrRevoked, key.KID)
	}
	return nil
}
