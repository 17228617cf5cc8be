package reader

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// ValueAPI is what a load of [Values] calls.
type ValueAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// values is a load that has the permission for GetSecretValue alone.
type values struct {
	api     ValueAPI
	name    string
	arn     string // as described
	current Version
	err     error // of current
}

// Values returns a load of the secret of that name that calls GetSecretValue and
// nothing else: once, and once more where the previous version is wanted. Its
// description is partial. It calls nothing yet.
func Values(api ValueAPI, name string) Load { return &values{api: api, name: name} }

func (l *values) Describe(ctx context.Context) (Description, error) {
	out, err := l.get(ctx, current)
	if err != nil {
		return Description{}, err
	}
	if l.current, l.err = versionOf(out.SecretString, out.SecretBinary, out.VersionId, out.CreatedDate); l.err != nil {
		return Description{}, l.err // also where that version was read as text before
	}
	l.arn = aws.ToString(out.ARN)
	return Description{Name: aws.ToString(out.Name), ARN: l.arn, Current: l.current.ID, Partial: true}, nil
}

func (l *values) Current(context.Context) (Version, error) { return l.current, l.err }

// Previous is another read, which a rotation may come before. Then it is the
// version that was described as current, and the next load sees the new one.
func (l *values) Previous(ctx context.Context) (Version, error) {
	out, err := l.get(ctx, previous)
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ResourceNotFoundException":
		return Version{}, ErrNoVersion
	case err != nil:
		return Version{}, err
	}
	if aws.ToString(out.Name) != l.name || aws.ToString(out.ARN) != l.arn {
		return Version{}, ErrForeign
	}
	return versionOf(out.SecretString, out.SecretBinary, out.VersionId, out.CreatedDate)
}

func (l *values) get(ctx context.Context, label string) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := l.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &l.name, VersionStage: &label}, answer.Limit(answer.OneSecret))
	if err == nil && (out == nil || isEmpty(out.Name, out.ARN)) {
		err = ErrEmpty
	}
	return out, err
}

// versionOf makes a version of an answer's members. The error is ErrNotText.
func versionOf(text *string, binary []byte, id *string, created *time.Time) (Version, error) {
	v := Version{ID: aws.ToString(id), Created: aws.ToTime(created), Text: aws.ToString(text), Binary: string(binary)}
	if text == nil || v.Binary != "" {
		return v, ErrNotText
	}
	return v, nil
}
