package rotation

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

const (
	stageCurrent = "AWSCURRENT"
	stagePending = "AWSPENDING"

	tries = 2 // of a request that got no answer
)

// create writes the pending version, unless it is there.
func (t *turn) create(ctx context.Context) error {
	_, ok, err := t.pending(ctx)
	if ok || err != nil {
		return err
	}
	text, err := t.maker.create(ctx, t)
	if err != nil {
		return err
	}
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &t.event.SecretID, ClientRequestToken: &t.event.ClientRequestToken,
		SecretString: &text, VersionStages: []string{stagePending},
	}
	if t.event.RotationToken != "" {
		in.RotationToken = &t.event.RotationToken
	}
	_, err = writer.Repeat(ctx, t.writer, func(ctx context.Context) (*secretsmanager.PutSecretValueOutput, error) {
		return t.writer.Send(ctx, t.Secret, in)
	})
	if answer.Code(err) == "ResourceExistsException" { // the same step, at the same time
		_, ok, err := t.pending(ctx)
		if err == nil && !ok {
			err = sentinels.Transient("the pending version cannot be found yet")
		}
		return err
	}
	if err != nil {
		return t.writer.ExplainWrite(ctx, err)
	}
	return nil
}

func (t *turn) set(ctx context.Context) error {
	pending, err := t.created(ctx)
	if err != nil {
		return err
	}
	return t.maker.set(ctx, t, pending)
}

// test tests the pending version. It may be a copy of the current one, which is how AWS
// tests a rotation that does not begin at once. Then the current value is tested.
func (t *turn) test(ctx context.Context) error {
	v, err := t.readPending(ctx)
	if copied, failed := t.isCopy(ctx, v, err); failed != nil || copied {
		if failed == nil {
			failed = t.maker.testCurrent(ctx, t, v.Text)
		}
		return failed
	}
	pending, ok, err := t.judge(ctx, v, err)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNotCreated
	}
	return t.maker.test(ctx, t, pending)
}

// isCopy tells whether the pending version that was read, with that error, holds what the
// current one does, byte for byte.
func (t *turn) isCopy(ctx context.Context, pending reader.Version, err error) (bool, error) {
	binary := errors.Is(err, reader.ErrNotText)
	if err != nil && !binary || err == nil && t.follows(pending) || t.described.Current == "" {
		return false, nil
	}
	current, err := described(ctx, t.Rotator, func(ctx context.Context) (reader.Version, error) {
		return t.writer.Version(ctx, t.Secret, t.described.Current)
	})
	switch {
	case answer.Code(err) == "ResourceNotFoundException":
		return false, sentinels.Transient("the current version cannot be found yet")
	case errors.Is(err, reader.ErrNotText) && !binary:
		return false, nil
	case err != nil:
		return false, t.writer.ExplainRead(ctx, err)
	}
	return !binary && current.Text == pending.Text, nil
}

// finish makes the pending version current, if the one that it was made after still
// is. It tests it once more: nothing says that the steps before were taken.
func (t *turn) finish(ctx context.Context) error {
	pending, err := t.created(ctx)
	if err != nil {
		return err
	}
	if err := t.maker.test(ctx, t, pending); err != nil {
		return err
	}
	if err := t.promote(ctx); err != nil {
		return err
	}
	return t.dropPending(ctx, t.Secret, t.event.SecretID, t.event.ClientRequestToken)
}

// promote moves AWSCURRENT to the pending version, if the version that the step began with
// still has it.
func (t *turn) promote(ctx context.Context) error {
	var err error
	for range tries {
		err = t.label(ctx, t.Secret, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: &t.event.SecretID, VersionStage: aws.String(stageCurrent),
			MoveToVersionId: &t.event.ClientRequestToken, RemoveFromVersionId: &t.described.Current,
		})
		var foreign reader.Foreign
		switch {
		case err == nil:
			return nil
		case errors.As(err, &foreign):
			return t.writer.ExplainWrite(ctx, err)
		}
		d, described := t.writer.Describe(ctx, t.Secret, t.begin(t.Secret))
		switch {
		case described != nil:
			return t.writer.ExplainWrite(ctx, err)
		case d.Current == t.event.ClientRequestToken:
			return nil
		case d.Changed.Before(t.described.Changed): // it lags behind, and does not say why
			if answer.IsRefusal(err) {
				err = sentinels.Transient("AWSCURRENT cannot be moved, and the description is too old to say why")
			}
		case d.Current != t.described.Current:
			return t.abandon(ctx, "another version is current by now")
		}
	}
	return t.writer.ExplainWrite(ctx, err)
}

var errNotCreated = fmt.Errorf("%w: the pending version is empty: createSecret comes first", ErrStep)

// created is the pending document, which has to be there.
func (t *turn) created(ctx context.Context) (string, error) {
	text, ok, err := t.pending(ctx)
	if err == nil && !ok {
		err = errNotCreated
	}
	return text, err
}

// pending reads the pending document; false: there is none yet.
func (t *turn) pending(ctx context.Context) (text string, ok bool, err error) {
	v, err := t.readPending(ctx)
	return t.judge(ctx, v, err)
}

func (t *turn) readPending(ctx context.Context) (reader.Version, error) {
	return t.writer.Version(ctx, t.Secret, t.event.ClientRequestToken)
}

// follows tells whether a version was made after the current one.
func (t *turn) follows(v reader.Version) bool {
	base, _, err := document.Text(v.Text, "base")
	return err == nil && base == t.described.Current
}

// judge tells whether the pending version that was read, with that error, may become
// current; false: there is none yet. One that was made after another version than the
// current one is abandoned, unless that is what a description shows that lags behind.
func (t *turn) judge(ctx context.Context, v reader.Version, err error) (text string, ok bool, _ error) {
	switch {
	case answer.Code(err) == "ResourceNotFoundException":
		return "", false, nil
	case errors.Is(err, reader.ErrNotText):
		return "", false, t.abandon(ctx, "it is binary")
	case err != nil:
		return "", false, t.writer.ExplainRead(ctx, err)
	case t.follows(v):
		return v.Text, true, nil
	}
	if _, _, err := document.Text(v.Text, "base"); err == nil && t.described.Changed.Before(v.Created) {
		return "", false, sentinels.Transient("the description is of before the pending version was made")
	}
	return "", false, t.abandon(ctx, "it was not made after the current version")
}

// abandon ends a rotation that cannot succeed.
func (t *turn) abandon(ctx context.Context, why string) error {
	if err := t.dropPending(ctx, t.Secret, t.event.SecretID, t.event.ClientRequestToken); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrAbandoned, why)
}
