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

	errNoOutput = errors.New("the API returned neither an answer nor an error")
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
	ARN, VersionID string
	Read           time.Time // when it was asked for
}

// Writer writes for one service. It may be used by any number of goroutines.
type Writer struct {
	API     API
	Timeout time.Duration // of each request; 0: none of ours
	Now     func() time.Time
}

// Put writes what compose makes as the version after base, and returns its id, which
// compose is given. The error is ErrLost, ErrLags, compose's, or a request's.
//
// Where the id is taken, whoever took it started from the same base. If that version
// is current, the base is not. If it is not, the base may be current again, its label
// moved back by hand, or the read of it may lag behind: which of the two is known when
// the secret is described as of a time after that version was made. Only if the base is
// current then, the next id is tried.
func (w *Writer) Put(ctx context.Context, base Base, compose func(versionID string) (string, error)) (string, error) {
	for attempt := range maxAttempts {
		if w.Now().Sub(base.Read) > BaseLife {
			return "", ErrLost
		}
		id := document.VersionID("tenantsecrets write", base.ARN, base.VersionID, strconv.Itoa(attempt))
		text, err := compose(id)
		if err != nil {
			return "", err
		}
		err = w.send(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: &base.ARN, ClientRequestToken: &id, SecretString: &text, VersionStages: []string{current},
		})
		if answer.Code(err) != "ResourceExistsException" {
			return id, err
		}
		if err := w.contest(ctx, base, id); err != nil {
			return "", err
		}
	}
	return "", ErrLost
}

// send repeats a request that got no answer: under one id with one value it takes
// effect once.
func (w *Writer) send(ctx context.Context, in *secretsmanager.PutSecretValueInput) (err error) {
	for range sends {
		err = w.request(ctx, func(ctx context.Context) error {
			_, err := w.API.PutSecretValue(ctx, in)
			return err
		})
		if err == nil || !answer.Unanswered(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// contest is nil if the base is current all the same.
func (w *Writer) contest(ctx context.Context, base Base, id string) error {
	rival, err := w.version(ctx, base.ARN, id)
	switch {
	case err != nil:
		return err
	case slices.Contains(rival.VersionStages, current):
		return ErrLost
	}
	described, err := w.describedAfter(ctx, base.ARN, aws.ToTime(rival.CreatedDate))
	switch {
	case err != nil:
		return err
	case !slices.Contains(described.VersionIdsToStages[base.VersionID], current):
		return ErrLost
	}
	return nil
}

// version reads a version that is known to be there.
func (w *Writer) version(ctx context.Context, arn, id string) (out *secretsmanager.GetSecretValueOutput, err error) {
	err = w.until(ctx, func(ctx context.Context) (bool, error) {
		out, err = w.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &id})
		switch {
		case answer.Code(err) == "ResourceNotFoundException":
			return false, nil
		case err == nil && out == nil:
			return false, errNoOutput
		}
		return true, err
	})
	return out, err
}

// describedAfter describes a secret as it was at a time or after it.
func (w *Writer) describedAfter(ctx context.Context, arn string, at time.Time) (out *secretsmanager.DescribeSecretOutput, err error) {
	err = w.until(ctx, func(ctx context.Context) (bool, error) {
		out, err = w.API.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
		switch {
		case err != nil:
			return false, err
		case out == nil:
			return false, errNoOutput
		}
		return !aws.ToTime(out.LastChangedDate).Before(at), nil
	})
	return out, err
}

// until repeats a read until it is done.
func (w *Writer) until(ctx context.Context, read func(context.Context) (done bool, err error)) error {
	gap := firstGap
	for n := range reads {
		var done bool
		err := w.request(ctx, func(ctx context.Context) (err error) { done, err = read(ctx); return err })
		if done || err != nil {
			return err
		}
		if n < reads-1 {
			if err := Sleep(ctx, gap); err != nil {
				return err
			}
			gap *= 2
		}
	}
	return ErrLags
}

func (w *Writer) request(ctx context.Context, call func(context.Context) error) error {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Timeout)
		defer cancel()
	}
	return call(ctx)
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
