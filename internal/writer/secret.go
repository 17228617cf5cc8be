package writer

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

// Secret is which secret a write is about.
type Secret struct {
	Tenant, Name, Path string
	ARN                string // to ask for it by, as another account has to; "": by its name
}

// ID is what it is asked for by.
func (s Secret) ID() string {
	if s.ARN != "" {
		return s.ARN
	}
	return s.Name
}

// Type is the last element of the path, the value of the SecretType tag.
func (s Secret) Type() string { return s.Path[strings.LastIndexByte(s.Path, '/')+1:] }

func (s Secret) identity() reader.Identity {
	return reader.Identity{Name: s.Name, Tenant: s.Tenant, SecretType: s.Type()}
}

// Describe begins a load that has to be of the secret, and of a place. Of the error it
// says what it means.
func (w *Writer) Describe(ctx context.Context, s Secret, load reader.Load) (reader.Description, error) {
	d, err := Request(ctx, w, load.Describe)
	if err != nil {
		return d, w.ExplainRead(ctx, err)
	}
	if err := s.identity().Check(&d, w.Place()); err != nil {
		return d, w.ExplainRead(ctx, err)
	}
	if d.Deleted {
		return d, answer.Definite(w.Sentinels.PendingDeletion, "DescribeSecret shows a DeletedDate")
	}
	return d, nil
}

// Version reads one version by its id. The error is as Secrets Manager answers, or
// reader's.
func (w *Writer) Version(ctx context.Context, s Secret, id string) (reader.Version, error) {
	out, err := Request(ctx, w, func(ctx context.Context) (*secretsmanager.GetSecretValueOutput, error) {
		return w.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.ID()), VersionId: &id})
	})
	switch {
	case err != nil:
		return reader.Version{}, err
	case aws.ToString(out.Name) != s.Name || aws.ToString(out.VersionId) != id:
		return reader.Version{}, reader.ErrForeign
	case out.SecretString == nil:
		return reader.Version{}, reader.ErrNotText
	}
	return reader.Version{ID: id, Created: aws.ToTime(out.CreatedDate), Text: *out.SecretString}, nil
}

// CheckOwner is [reader.Identity.CheckOwner] for the secret. Of the error it says what it
// means.
func (w *Writer) CheckOwner(s Secret, d *reader.Description, text string) error {
	err := s.identity().CheckOwner(d, text)
	var foreign reader.Foreign
	switch {
	case errors.As(err, &foreign):
		return answer.Definite(w.Sentinels.WrongTenant, "%v", foreign)
	case err != nil:
		return answer.Definite(w.Sentinels.Malformed, "%v", err)
	}
	return nil
}

// Request is one request, which Timeout bounds. A pointer that is nil without an error
// is an error.
func Request[T any](ctx context.Context, w *Writer, request func(context.Context) (T, error)) (out T, err error) {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Timeout)
		defer cancel()
	}
	if out, err = request(ctx); err == nil {
		if v := reflect.ValueOf(out); v.Kind() == reflect.Pointer && v.IsNil() {
			err = errNoOutput
		}
	}
	return out, err
}

// Repeat is Request for one that is made once more where no answer came: under one
// version id with one value it takes effect once.
func Repeat[T any](ctx context.Context, w *Writer, request func(context.Context) (T, error)) (out T, err error) {
	for n := range sends {
		if n > 0 && w.turn(ctx) != nil {
			break // with what the first came to
		}
		again, failed := Request(ctx, w, request)
		if n == 0 || failed == nil || answer.Code(failed) == "ResourceExistsException" {
			out, err = again, failed
		} // else the first may have taken effect, whatever is said to the second
		if err == nil || !answer.Unanswered(err) || ctx.Err() != nil {
			break
		}
	}
	return out, err
}

// ExplainRead names what a read failed with.
func (w *Writer) ExplainRead(ctx context.Context, err error) error {
	var foreign reader.Foreign
	switch {
	case ctx.Err() != nil:
		return w.Abandoned(ctx)
	case errors.As(err, &foreign):
		return answer.Definite(w.Sentinels.WrongTenant, "%v", foreign)
	case errors.Is(err, reader.ErrForeign):
		return answer.Definite(w.Sentinels.WrongTenant, "the value is of another secret or version than was asked for")
	case errors.Is(err, reader.ErrEmpty):
		return w.Sentinels.Transient("%v", reader.ErrEmpty)
	case errors.Is(err, reader.ErrNotText):
		return answer.Definite(w.Sentinels.Malformed, "it is binary")
	case errors.Is(err, reader.ErrNoVersion):
		return answer.Definite(w.Sentinels.NotFound, "no version is labelled AWSCURRENT")
	}
	return w.Sentinels.ExplainRead(err)
}

// ExplainWrite names what a write failed with.
func (w *Writer) ExplainWrite(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return w.Abandoned(ctx)
	case errors.Is(err, ErrLags):
		return w.Sentinels.Transient("%v", err)
	}
	return w.Sentinels.ExplainWrite(err)
}

// Abandoned is a caller's own context: what was asked for may have happened.
func (w *Writer) Abandoned(ctx context.Context) error {
	return &answer.Failure{Sentinel: w.Sentinels.Unavailable, Detail: "the caller stopped waiting", Cause: ctx.Err()}
}
