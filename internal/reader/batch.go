package reader

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// MaxBatch is how many secrets one BatchGetSecretValue reads (API reference,
// BatchGetSecretValue, SecretIdList).
const MaxBatch = 20

// maxPages ends a batch that never says it is over; a page may be empty.
const maxPages = 5 * MaxBatch

var errEndless = errors.New("an answer without end")

// BatchAPI is what [Batch] calls.
type BatchAPI interface {
	BatchGetSecretValue(context.Context, *secretsmanager.BatchGetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error)
}

// Batch reads the current versions of up to MaxBatch secrets. It returns a load,
// which calls nothing any more, for every name that was answered. The error is of
// the call as a whole, ErrEmpty where nothing was answered; those of single secrets are
// their loads'.
func Batch(ctx context.Context, api BatchAPI, names []string) (map[string]Load, error) {
	loads := make(map[string]Load, len(names))
	in := &secretsmanager.BatchGetSecretValueInput{SecretIdList: names}
	for range maxPages {
		out, err := api.BatchGetSecretValue(ctx, in, answer.Limit(answer.ManySecrets))
		switch {
		case err != nil:
			return loads, err
		case out == nil:
			return loads, ErrEmpty
		}
		for i := range out.SecretValues {
			if name := aws.ToString(out.SecretValues[i].Name); name != "" {
				loads[name] = &batched{entry: &out.SecretValues[i]}
			}
		}
		for _, e := range out.Errors {
			if aws.ToString(e.SecretId) == "" {
				continue
			}
			loads[*e.SecretId] = &batched{err: &smithy.GenericAPIError{
				Code: aws.ToString(e.ErrorCode), Message: aws.ToString(e.Message), Fault: smithy.FaultUnknown,
			}}
		}
		switch {
		case aws.ToString(out.NextToken) != "":
		case len(loads) == 0: // Secrets Manager answers for every name, with a value or an error
			return loads, ErrEmpty
		default:
			return loads, nil
		}
		in = &secretsmanager.BatchGetSecretValueInput{SecretIdList: names, NextToken: out.NextToken}
	}
	return loads, errEndless
}

// batched is one secret's part of a batch.
type batched struct {
	entry *types.SecretValueEntry
	err   error
}

func (l *batched) Describe(ctx context.Context) (Description, error) {
	if l.err != nil {
		return Description{}, l.err
	}
	v, err := l.Current(ctx)
	if err != nil {
		return Description{}, err
	}
	return Description{Name: aws.ToString(l.entry.Name), ARN: aws.ToString(l.entry.ARN), Current: v.ID, Partial: true}, nil
}

func (l *batched) Current(context.Context) (Version, error) {
	return versionOf(l.entry.SecretString, l.entry.SecretBinary, l.entry.VersionId, l.entry.CreatedDate)
}

func (l *batched) Previous(context.Context) (Version, error) { return Version{}, ErrNotRead }
