package reader

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// observer stands between the secretcache and the API for the time of one load.
// It asks for a description once, compares every value with it, and clears
// ResultMetadata, which holds the HTTP response and with it the signed request.
type observer struct {
	api       API
	described *secretsmanager.DescribeSecretOutput
	answered  time.Time // the server's clock at the description; zero: it did not say
	version   Version   // of the last value read, without its text
}

func (o *observer) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	if o.described != nil {
		return o.described, nil
	}
	out, err := o.api.DescribeSecret(ctx, in, answer.Limit(answer.OneSecret))
	if err != nil {
		return nil, err
	}
	if out == nil || isEmpty(out.Name, out.ARN) {
		return nil, ErrEmpty
	}
	kept := *out
	o.answered, _ = awsmiddleware.GetServerTime(kept.ResultMetadata)
	kept.ResultMetadata = middleware.Metadata{}
	o.described = &kept
	return &kept, nil
}

func (o *observer) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := o.api.GetSecretValue(ctx, in, answer.Limit(answer.OneSecret))
	if err != nil {
		return nil, err
	}
	if out == nil || isEmpty(out.Name, out.ARN) {
		return nil, ErrEmpty
	}
	kept := *out
	kept.ResultMetadata = middleware.Metadata{}
	if !o.sameSecret(&kept) || aws.ToString(kept.VersionId) != aws.ToString(in.VersionId) {
		return nil, ErrForeign
	}
	o.version = Version{ID: aws.ToString(kept.VersionId), Created: aws.ToTime(kept.CreatedDate), Binary: string(kept.SecretBinary)}
	return &kept, nil
}

func (o *observer) sameSecret(out *secretsmanager.GetSecretValueOutput) bool {
	return aws.ToString(out.Name) == aws.ToString(o.described.Name) &&
		aws.ToString(out.ARN) == aws.ToString(o.described.ARN)
}

var errNotCalled = errors.New("not called by a load")

// The secretcache's client interface has four more methods. It calls none.

func (o *observer) CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return nil, errNotCalled
}

func (o *observer) DeleteSecret(context.Context, *secretsmanager.DeleteSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error) {
	return nil, errNotCalled
}

func (o *observer) ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	return nil, errNotCalled
}

func (o *observer) UpdateSecret(context.Context, *secretsmanager.UpdateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretOutput, error) {
	return nil, errNotCalled
}
