package writer

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

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

// Identity is what the secret must say that it is.
func (s Secret) Identity() reader.Identity { return reader.IdentityOf(s.Name, s.Tenant, s.Type()) }

// Describe begins a load that has to be of the secret, and of a place. Of the error it
// says what it means.
func (w *Writer) Describe(ctx context.Context, s Secret, load reader.Load) (reader.Description, error) {
	d, err := Request(ctx, w, load.Describe)
	if err != nil {
		return d, w.ExplainRead(ctx, err)
	}
	if d.Name == "" && d.ARN == "" {
		return d, w.ExplainRead(ctx, answer.ErrEmpty)
	}
	if err := s.Identity().Check(&d, w.Place()); err != nil {
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
		return w.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.ID()), VersionId: &id}, answer.Limit(answer.OneSecret))
	})
	if err == nil {
		err = w.Answered(s, id, out.Name, out.ARN, out.VersionId)
	}
	switch {
	case err != nil:
		return reader.Version{}, err
	case out.SecretString == nil:
		return reader.Version{}, reader.ErrNotText
	}
	return reader.Version{ID: id, Created: aws.ToTime(out.CreatedDate), Text: *out.SecretString}, nil
}

// errOther is an answer about a secret that has the name of another, which was deleted.
const errOther = reader.Foreign("the answer is about another secret of the same name")

// AnsweredOf compares an answer with the secret that was asked about. The error is a
// reader.Foreign, or answer.ErrEmpty.
func (w *Writer) AnsweredOf(s Secret, name, arn *string) error {
	switch {
	case name == nil && arn == nil:
		return answer.ErrEmpty
	case aws.ToString(name) != s.Name:
		return reader.Foreign("the answer is about another name")
	case aws.ToString(arn) == s.Name:
		return nil // moto lists versions with the name in place of the ARN: it says no more than the name
	}
	if _, err := w.Place().Check(s.Name, aws.ToString(arn)); err != nil {
		return err
	}
	if s.ARN != "" && *arn != s.ARN {
		return errOther
	}
	return nil
}

// Answered is AnsweredOf for an answer about one version.
func (w *Writer) Answered(s Secret, id string, name, arn, versionID *string) error {
	if err := w.AnsweredOf(s, name, arn); err != nil {
		return err
	}
	if aws.ToString(versionID) != id {
		return reader.Foreign("the answer is about another version than was asked for")
	}
	return nil
}

// Listed compares a page of ListSecrets with where secrets must be. A page without a list,
// and an entry without a name and an ARN, say nothing: the error is answer.ErrEmpty.
func (w *Writer) Listed(page []types.SecretListEntry) error {
	if page == nil {
		return answer.ErrEmpty // an empty list is not nil
	}
	for _, e := range page {
		if e.Name == nil && e.ARN == nil {
			return answer.ErrEmpty
		}
		if _, err := w.Place().Check(aws.ToString(e.Name), aws.ToString(e.ARN)); err != nil {
			return err
		}
	}
	return nil
}

// CheckOwner is [reader.Identity.CheckOwner] for the secret. Of the error it says what it
// means.
func (w *Writer) CheckOwner(s Secret, d *reader.Description, text string) error {
	err := s.Identity().CheckOwner(d, text)
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
			err = answer.ErrEmpty
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
		var foreign reader.Foreign
		if n == 0 || failed == nil || answer.Code(failed) == "ResourceExistsException" || errors.As(failed, &foreign) {
			out, err = again, failed
		} // else the first may have taken effect, whatever is said to the second
		if err == nil || errors.As(err, &foreign) || !answer.Unanswered(err) || ctx.Err() != nil {
			break
		}
	}
	return out, err
}

// ExplainRead names what a read failed with.
func (w *Writer) ExplainRead(ctx context.Context, err error) error {
	if explained := w.explainAnswer(ctx, err); explained != nil {
		return explained
	}
	return w.Sentinels.ExplainRead(err)
}

// ExplainWrite names what a write failed with, a read in the course of it included.
func (w *Writer) ExplainWrite(ctx context.Context, err error) error {
	if explained := w.explainAnswer(ctx, err); explained != nil {
		return explained
	}
	var read *readError
	if errors.As(err, &read) && answer.IsRefusal(err) && !answer.SaysDeleted(err) {
		return w.Sentinels.Bare(err)
	}
	return w.Sentinels.ExplainWrite(err)
}

// explainAnswer names what is no error of Secrets Manager's; nil where it is one, or none
// that is known.
func (w *Writer) explainAnswer(ctx context.Context, err error) error {
	var foreign reader.Foreign
	var explained *answer.Failure
	switch {
	case ctx.Err() != nil:
		return w.Abandoned(ctx)
	case errors.As(err, &explained):
		return explained
	case errors.As(err, &foreign):
		return answer.Definite(w.Sentinels.WrongTenant, "%v", foreign)
	case errors.Is(err, reader.ErrForeign):
		return answer.Definite(w.Sentinels.WrongTenant, "the value is of another secret or version than was asked for")
	case errors.Is(err, reader.ErrNotText):
		return answer.Definite(w.Sentinels.Malformed, "it is binary")
	case errors.Is(err, reader.ErrNoVersion):
		return answer.Definite(w.Sentinels.NotFound, "no version is labelled AWSCURRENT")
	case errors.Is(err, ErrLags):
		return w.Sentinels.Transient("%v", err)
	}
	return nil
}

// readError is what a read failed with that a write needed.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// Abandoned is a caller's own context: what was asked for may have happened.
func (w *Writer) Abandoned(ctx context.Context) error {
	return &answer.Failure{Sentinel: w.Sentinels.Unavailable, Detail: "the caller stopped waiting", Cause: ctx.Err()}
}
