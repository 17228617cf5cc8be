// Package reader loads one secret, in one of three ways that differ in what they
// cost, what they may do, and what they cannot see.
//
//	         calls                        cannot see
//	Begin    DescribeSecret, and          -
//	         GetSecretValue per version
//	         that was not seen before
//	Values   GetSecretValue per label     tags, DeletedDate, LastChangedDate, which
//	                                      version is AWSPREVIOUS
//	Batch    BatchGetSecretValue,         the same, and the value of AWSPREVIOUS
//	         for 20 secrets
//
// Begin goes through aws-secretsmanager-caching-go. That library resolves staging
// labels and reads values by version id, so that current and previous version come
// out of one description of the secret and cannot straddle a rotation. What it
// caches, and for how long, is not wanted here: its cache serves deleted secrets
// for ever, keeps errors of other callers' contexts, and holds a mutex across the
// network. A load therefore has a secretcache of its own, asks it with the load's
// own context, from one goroutine, and drops it; and between it and the SDK stands
// an observer that sees every answer first.
package reader

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"
)

// API is what a load calls.
type API interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// The staging labels. Of AWSPENDING no value is ever read.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

var (
	// ErrNoVersion means that no version has the label.
	ErrNoVersion = errors.New("no version has the staging label")

	// ErrNotText means that the value is binary. The version beside it has what there
	// is, for those who read bytes too.
	ErrNotText = errors.New("the value is binary")

	// ErrNotRead means that this way of loading does not read the value.
	ErrNotRead = errors.New("the value was not read")

	// ErrForeign means that the value is of another secret or version than was
	// asked for.
	ErrForeign = errors.New("the value is of another secret or version")
)

// Load is one load of one secret: first Describe, then the values that are
// wanted. It is for one goroutine.
type Load interface {
	// Describe says what the secret is.
	Describe(ctx context.Context) (Description, error)

	// Current reads the version labelled AWSCURRENT in that description.
	Current(ctx context.Context) (Version, error)

	// Previous reads the version labelled AWSPREVIOUS in that description, or
	// labelled so now where the description is partial.
	Previous(ctx context.Context) (Version, error)
}

// Description is what is known of a secret before its values are decoded.
type Description struct {
	Name, ARN string
	Tags      map[string]string
	Changed   time.Time // LastChangedDate; zero: none
	Deleted   bool      // scheduled for deletion
	Current   string    // version id; "" without AWSCURRENT
	Previous  string    // version id; "" without AWSPREVIOUS
	Pending   string    // version id; "" without AWSPENDING
	Rotates   bool      // AWS-driven rotation is turned on
	Answered  time.Time // the server's clock; zero: it did not say
	Partial   bool      // it comes of a value: Tags, Changed, Deleted and what follows Current are unknown
}

// Version is one version's value. Secrets Manager stores text or bytes: where Binary is
// there, or neither is, the error is ErrNotText.
type Version struct {
	ID      string
	Created time.Time
	Text    string
	Binary  string // SecretBinary, the bytes as they stand
}

// described is a load that begins with DescribeSecret.
type described struct {
	name     string
	observer *observer
}

// Begin returns a load of the secret of that name. It calls nothing yet.
func Begin(api API, name string) Load {
	return &described{name: name, observer: &observer{api: api}}
}

// Describe calls DescribeSecret. Later calls in the load, the secretcache's too,
// are answered from the first.
func (l *described) Describe(ctx context.Context) (Description, error) {
	out, err := l.observer.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &l.name})
	if err != nil {
		return Description{}, err
	}
	d := Description{
		Name:     aws.ToString(out.Name),
		ARN:      aws.ToString(out.ARN),
		Tags:     make(map[string]string, len(out.Tags)),
		Changed:  aws.ToTime(out.LastChangedDate),
		Deleted:  out.DeletedDate != nil,
		Current:  labelled(out, current),
		Previous: labelled(out, previous),
		Pending:  labelled(out, pending),
		Rotates:  aws.ToBool(out.RotationEnabled),
		Answered: l.observer.answered,
	}
	for _, tag := range out.Tags {
		d.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return d, nil
}

func labelled(out *secretsmanager.DescribeSecretOutput, label string) string {
	for id, labels := range out.VersionIdsToStages {
		for _, l := range labels {
			if l == label {
				return id
			}
		}
	}
	return ""
}

func (l *described) Current(ctx context.Context) (Version, error) { return l.read(ctx, current) }

func (l *described) Previous(ctx context.Context) (Version, error) { return l.read(ctx, previous) }

func (l *described) read(ctx context.Context, label string) (Version, error) {
	cache, err := secretcache.New(func(c *secretcache.Cache) { c.Client = l.observer })
	if err != nil {
		return Version{}, err
	}
	text, err := cache.GetSecretStringWithStageWithContext(ctx, l.name, label)
	var absent *secretcache.VersionNotFoundError
	var binary *secretcache.InvalidOperationError
	switch {
	case errors.As(err, &absent):
		return Version{}, ErrNoVersion
	case err != nil && !errors.As(err, &binary):
		return Version{}, err
	}
	v := l.observer.version
	v.Text = text
	if err != nil || v.Binary != "" {
		return v, ErrNotText
	}
	return v, nil
}
