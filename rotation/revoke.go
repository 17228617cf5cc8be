package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Revoke ends keys that have leaked: readers refuse them as soon as they see it, and
// no fallback and no rollback brings them back. Where the key that signs is among
// them, the next newer one signs at once, or else a new one; webhooks that are signed
// with the revoked key in the meantime are refused, which is what a revocation is for.
// Every process sees it within TTL and a load, in an outage within MaxStale; this one
// serves nothing of the secret without a new load, which may still lag behind the write.
//
// It does not wait for a rotation that AWS drives, but ends it. Keys that are revoked
// already are no error, so that a call whose answer was lost can be repeated. A kid of
// no version of the secret is ErrUnknownKey, and then nothing is written. Where the
// error follows on a Result that is Done, the keys are revoked and the label AWSPENDING
// is still where it was: call again.
func (r *Rotator) Revoke(ctx context.Context, tenant string, kids ...string) (Result, error) {
	s, err := r.secret(tenant)
	if err == nil && len(kids) == 0 {
		err = fmt.Errorf("%w: no kid to revoke", tenantsecrets.ErrInvalidOption)
	}
	if err != nil {
		return Result{}, failed("Revoke", s, err)
	}
	result, err := r.revoke(ctx, s, func(found *state, d *document.Draft) ([]string, error) {
		return kids, r.checkKnown(ctx, found, d, kids)
	})
	return result, failed("Revoke", s, err)
}

// RevokeAll is [Rotator.Revoke] for every key that is live: a new one takes their place
// and signs at once. Repeated, it does the same to that one, and so does one that runs at
// the same time: what leaked is not known, and no key is spared that might have.
func (r *Rotator) RevokeAll(ctx context.Context, tenant string) (Result, error) {
	s, err := r.secret(tenant)
	if err != nil {
		return Result{}, failed("RevokeAll", s, err)
	}
	var kids []string
	result, err := r.revoke(ctx, s, func(_ *state, d *document.Draft) ([]string, error) {
		for _, k := range d.Keys() {
			kids = append(kids, k.KID) // of a later read too: the first may have lagged behind
		}
		return kids, nil
	})
	return result, failed("RevokeAll", s, err)
}

// revoke revokes what choose says of the keys there are.
func (r *Rotator) revoke(ctx context.Context, s writer.Secret, choose func(*state, *document.Draft) ([]string, error)) (Result, error) {
	var pending string
	sent := false // a write, whose answer may be lost
	result, err := r.change(ctx, s, func(found *state) (Outcome, draft, error) {
		pending = found.pending
		before := found.draft(r.schedule(r.grace))
		kids, err := choose(found, before)
		if err != nil {
			return 0, nil, err
		}
		written := found.current.Document.Revoked // what only AWSPREVIOUS says is lost with the next write of another program
		if len(before.Keys()) > 0 && !slices.ContainsFunc(kids, func(kid string) bool { return !slices.Contains(written, kid) }) {
			return AlreadyDone, nil, nil
		}
		return Done, func(versionID string) (*document.Draft, error) {
			sent = true
			d := found.draft(r.schedule(r.grace))
			d.Revoke(kids, func() document.Key { return r.fresh(versionID) })
			return d, nil
		}, nil
	})
	if err == nil || sent && !errors.Is(err, tenantsecrets.ErrRefused) { // it may have been written
		_ = r.client.Invalidate(s.Tenant, s.Path) // a closed client holds nothing
	}
	if err != nil {
		return result, err
	}
	if pending != "" {
		err = r.clearPending(ctx, s)
	}
	return result, err
}

// checkKnown refuses kids that nobody has given: in an emergency a mistyped one must
// not look like success.
func (r *Rotator) checkKnown(ctx context.Context, found *state, d *document.Draft, kids []string) error {
	for _, kid := range kids {
		if _, live := d.Find(kid); live || d.IsRevoked(kid) {
			continue
		}
		if _, err := r.keyOf(ctx, found, kid); err != nil {
			return err
		}
	}
	return nil
}

// keyOf finds a key that is not live: in what was read, for another program may have
// given it any kid, or in the version of that id, where it first appeared.
func (r *Rotator) keyOf(ctx context.Context, found *state, kid string) (document.Key, error) {
	if k, ok := keyIn(document.Ring(found.current, found.previous, found.changed), kid); ok {
		return k, nil
	}
	text, err := r.writer.Version(ctx, found.Secret, kid)
	switch {
	case answer.Code(err) == "ResourceNotFoundException", answer.Code(err) == "ValidationException",
		answer.Code(err) == "InvalidRequestException" && !answer.SaysDeleted(err): // a version of the past that was removed
		return document.Key{}, fmt.Errorf("%w: %+q", ErrUnknownKey, kid)
	case err != nil:
		return document.Key{}, r.writer.ExplainRead(ctx, err)
	}
	v, err := decodeOf(found.Secret, text)
	if err != nil {
		return document.Key{}, err
	}
	if k, ok := keyIn(document.Ring(v, nil, v.Created), kid); ok {
		return k, nil
	}
	return document.Key{}, fmt.Errorf("%w: %+q", ErrUnknownKey, kid)
}

func keyIn(ring []document.Key, kid string) (document.Key, bool) {
	i := slices.IndexFunc(ring, func(k document.Key) bool { return k.KID == kid })
	if i < 0 {
		return document.Key{}, false
	}
	return ring[i], true
}

// clearPending takes AWSPENDING off a version that is not current, so that the
// rotation that prepared it cannot end.
func (r *Rotator) clearPending(ctx context.Context, s writer.Secret) error {
	d, err := r.writer.Describe(ctx, s, r.begin(s))
	if err != nil || d.Pending == "" || d.Pending == d.Current {
		return err
	}
	return r.dropPending(ctx, s, d.ARN, d.Pending)
}

// dropPending takes AWSPENDING off a version.
func (r *Rotator) dropPending(ctx context.Context, s writer.Secret, arn, versionID string) error {
	s.ARN = arn
	err := r.label(ctx, s, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &arn, VersionStage: aws.String(stagePending), RemoveFromVersionId: &versionID,
	})
	var foreign reader.Foreign
	switch {
	case err == nil:
		return nil
	case errors.As(err, &foreign):
		return r.writer.ExplainWrite(ctx, err)
	}
	if d, described := r.writer.Describe(ctx, s, r.begin(s)); described == nil && d.ARN == arn && d.Pending != versionID {
		return nil // it is gone all the same
	}
	return r.writer.ExplainWrite(ctx, err)
}

// label moves a label, and compares the answer with the secret that was asked about.
func (r *Rotator) label(ctx context.Context, s writer.Secret, in *secretsmanager.UpdateSecretVersionStageInput) error {
	out, err := writer.Request(ctx, r.writer, func(ctx context.Context) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
		return r.api.UpdateSecretVersionStage(ctx, in, answer.Limit(answer.OneSecret))
	})
	if err != nil {
		return err
	}
	return r.writer.AnsweredOf(s, out.Name, out.ARN)
}
