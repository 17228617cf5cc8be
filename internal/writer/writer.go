// Package writer writes the next version of a secret in one step, or not at all
// where somebody else was first.
//
// Secrets Manager has no compare-and-swap for values, but a version id is its
// writer's choice and belongs to one value for ever. So the id is a hash of the
// version that the write follows: two who start from one version choose the same id,
// and the second is refused. What that alone does not see is a base that is not
// current any more, or current again; the rules for those stand at [Writer.Put].
package writer

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

// API is what a write calls.
type API interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
}

var (
	// ErrLost means that somebody else has written since the base was read, or that it
	// was read too long ago: read again.
	ErrLost = errors.New("another version was written since the base was read")

	// ErrLags means that reads have not caught up with a write in several seconds.
	ErrLags = errors.New("what is read lags behind what was written")
)

const (
	// BaseLife is how long what was read may be written after.
	BaseLife = 5 * time.Minute

	current = "AWSCURRENT"

	maxAttempts = 100 // versions that may have followed one base: Secrets Manager keeps about as many
	sends       = 2   // of one request, where no answer comes
	reads       = 7   // of what must be there, within firstGap * (2^(reads-1) - 1) = 6.3 s
	firstGap    = 100 * time.Millisecond
)

// Base is the version that a write follows.
type Base struct {
	Name           string // of the secret
	ARN, VersionID string
	Read           time.Time // when it was asked for
	Changed        time.Time // the secret's LastChangedDate in what was read; zero: not compared
}

// Writer writes for one service. It may be used by any number of goroutines.
type Writer struct {
	API       API
	Timeout   time.Duration // of each request; 0: none of ours
	Now       func() time.Time
	Place     func() reader.Place // where secrets must be
	Sentinels answer.Sentinels
	Turn      func(context.Context) error // waits until a write may be sent; nil: at any time
}

// Put writes what compose makes as the version after base, and returns its id, which
// compose is given. The error is ErrLost, ErrLags, compose's, or a request's.
//
// Where the id is taken, whoever took it started from the same base. If that version
// is current, the base is not. If it is not, the base may be current again, its label
// moved back by hand, or the read of it may lag behind: which of the two is known when
// the secret is described as of a time after that version was made. Only if the base is
// current then, and nothing has changed since it was read, the next id is tried: what
// compose makes of an older read would lack that version's keys.
func (w *Writer) Put(ctx context.Context, base Base, compose func(versionID string) (string, error)) (string, error) {
	for attempt := range maxAttempts {
		if err := w.turn(ctx); err != nil {
			return "", err
		}
		if since(base.Read, w.Now()) > BaseLife {
			return "", ErrLost
		}
		id := document.VersionID("tenantsecrets write", base.ARN, base.VersionID, strconv.Itoa(attempt))
		text, err := compose(id)
		if err != nil {
			return "", err
		}
		_, err = Repeat(ctx, w, func(ctx context.Context) (*secretsmanager.PutSecretValueOutput, error) {
			return w.Send(ctx, base.secret(), &secretsmanager.PutSecretValueInput{
				SecretId: &base.ARN, ClientRequestToken: &id, SecretString: &text, VersionStages: []string{current},
			})
		})
		if answer.Code(err) != "ResourceExistsException" {
			return id, err
		}
		if err := w.contest(ctx, base, id); err != nil {
			return "", &readError{err}
		}
	}
	return "", ErrLost
}

// secret is what answers to the write are compared with.
func (b Base) secret() Secret { return Secret{Name: b.Name, ARN: b.ARN} }

// Send sends one PutSecretValue, and compares the answer with what was sent.
func (w *Writer) Send(ctx context.Context, s Secret, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	out, err := w.API.PutSecretValue(ctx, in, answer.Limit(answer.OneSecret))
	if err != nil || out == nil {
		return nil, err
	}
	return out, w.Answered(s, *in.ClientRequestToken, out.Name, out.ARN, out.VersionId)
}

func (w *Writer) turn(ctx context.Context) error {
	if w.Turn == nil {
		return nil
	}
	return w.Turn(ctx)
}

// contest is nil if the base is current all the same.
func (w *Writer) contest(ctx context.Context, base Base, id string) error {
	rival, err := until(ctx, w, func(ctx context.Context) (*secretsmanager.GetSecretValueOutput, error) {
		out, err := w.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &base.ARN, VersionId: &id}, answer.Limit(answer.OneSecret))
		if err == nil && out != nil {
			err = w.Answered(base.secret(), id, out.Name, out.ARN, out.VersionId)
		}
		return out, err
	}, func(_ *secretsmanager.GetSecretValueOutput, err error) bool {
		return answer.Code(err) != "ResourceNotFoundException" // it is known to be there
	})
	switch {
	case err != nil:
		return err
	case slices.Contains(rival.VersionStages, current):
		return ErrLost
	}
	described, err := until(ctx, w, func(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
		out, err := w.API.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &base.ARN}, answer.Limit(answer.OneSecret))
		if err == nil && out != nil {
			err = w.AnsweredOf(base.secret(), out.Name, out.ARN)
		}
		return out, err
	}, func(out *secretsmanager.DescribeSecretOutput, err error) bool {
		return err != nil || !aws.ToTime(out.LastChangedDate).Before(aws.ToTime(rival.CreatedDate))
	})
	switch {
	case err != nil:
		return err
	case !slices.Contains(described.VersionIdsToStages[base.VersionID], current),
		!base.Changed.IsZero() && !aws.ToTime(described.LastChangedDate).Equal(base.Changed):
		return ErrLost
	}
	return nil
}

// until repeats a read until it says enough.
func until[T any](ctx context.Context, w *Writer, read func(context.Context) (T, error), enough func(T, error) bool) (T, error) {
	gap := firstGap
	for n := 1; ; n++ {
		out, err := Request(ctx, w, read)
		if enough(out, err) {
			return out, err
		}
		if n == reads {
			return out, ErrLags
		}
		if err := Sleep(ctx, gap); err != nil {
			return out, err
		}
		gap *= 2
	}
}

// Sleep waits, or returns the context's error.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// since is how much older a time is than now, as the larger of the monotonic and the
// wall-clock difference: a process that is frozen has no monotonic clock.
func since(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}
