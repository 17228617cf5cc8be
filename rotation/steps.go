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
		return t.api.PutSecretValue(ctx, in)
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

func (t *turn) test(ctx context.Context) error {
	pending, err := t.created(ctx)
	if err != nil {
		return err
	}
	return t.maker.test(ctx, t, pending)
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

func (t *turn) promote(ctx context.Context) (err error) {
	for range tries {
		_, err = writer.Request(ctx, t.writer, func(ctx context.Context) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
			return t.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &t.event.SecretID, VersionStage: aws.String(stageCurrent),
				MoveToVersionId: &t.event.ClientRequestToken, RemoveFromVersionId: &t.described.Current,
			})
		})
		if err == nil {
			return nil
		}
		d, described := t.writer.Describe(ctx, t.Secret, t.begin(t.Secret))
		switch {
		case described != nil:
			return t.writer.ExplainWrite(ctx, err)
		case d.Current == t.event.ClientRequestToken:
			return nil
		case d.Changed.Before(t.described.Changed): // it lags behind
		case d.Current != t.described.Current:
			return t.abandon(ctx, "another version is current by now")
		}
	}
	return t.writer.ExplainWrite(ctx, err)
}

// created is the pending document, which has to be there.
func (t *turn) created(ctx context.Context) (string, error) {
	text, ok, err := t.pending(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("%w: the pending version is empty: createSecret comes first", ErrStep)
	}
	return text, err
}

// pending reads the pending document; false: there is none yet. One that was made
// after another version than the current one is abandoned, unless that is what a
// description shows that lags behind.
func (t *turn) pending(ctx context.Context) (text string, ok bool, err error) {
	v, err := t.writer.Version(ctx, t.Secret, t.event.ClientRequestToken)
	switch {
	case answer.Code(err) == "ResourceNotFoundException":
		return "", false, nil
	case errors.Is(err, reader.ErrNotText):
		return "", false, t.abandon(ctx, "it is binary")
	case err != nil:
		return "", false, t.writer.ExplainRead(ctx, err)
	}
	base, _, err := document.Text(v.Text, "base")
	switch {
	case err == nil && base != t.described.Current && t.described.Changed.Before(v.Created):
		return "", false, sentinels.Transient("the description is of before the pending version was made")
	case err != nil || base != t.described.Current:
		return "", false, t.abandon(ctx, "it was not made after the current version")
	}
	return v.Text, true, nil
}

// abandon ends a rotation that cannot succeed.
func (t *turn) abandon(ctx context.Context, why string) error {
	if err := t.dropPending(ctx, t.Secret, t.event.SecretID, t.event.ClientRequestToken); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrAbandoned, why)
}
