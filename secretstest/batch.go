package secretstest

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// BatchGetSecretValue returns the AWSCURRENT values of up to 20 secrets. What
// fails for one of them is in the answer's Errors. Filters are refused with an
// InvalidParameterException that says so.
func (b *Backend) BatchGetSecretValue(
	ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return batchGetSecretValue.invoke(ctx, b, in)
}

var batchGetSecretValue = operation[secretsmanager.BatchGetSecretValueInput, secretsmanager.BatchGetSecretValueOutput]{
	name: "BatchGetSecretValue",
	check: func(c *checks, in *secretsmanager.BatchGetSecretValueInput) {
		c.list("SecretIdList", in.SecretIdList, 20, 2048)
		for _, id := range in.SecretIdList {
			c.wellFormed(id)
		}
	},
	subject: func(in *secretsmanager.BatchGetSecretValueInput) Call {
		return Call{SecretIDs: slices.Clone(in.SecretIdList)}
	},
	metadata: func(out *secretsmanager.BatchGetSecretValueOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).batchGetSecretValue,
}

func (r *request) batchGetSecretValue(in *secretsmanager.BatchGetSecretValueInput) (*secretsmanager.BatchGetSecretValueOutput, error) {
	if (in.SecretIdList == nil) == (in.Filters == nil) {
		return nil, invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}
	if in.Filters != nil {
		return nil, invalidParameter("secretstest answers BatchGetSecretValue for SecretIdList only.")
	}
	if in.MaxResults != nil {
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	out := &secretsmanager.BatchGetSecretValueOutput{
		SecretValues: []types.SecretValueEntry{},
		Errors:       []types.APIErrorType{},
	}
	for i, id := range in.SecretIdList {
		value, err := r.batchEntry(id, r.plan.entries[i])
		if api, failed := asAPIError(err); failed {
			out.Errors = append(out.Errors, entryError(id, api))
			continue
		}
		out.SecretValues = append(out.SecretValues, value)
	}
	return out, nil
}

// batchEntry reads one secret, with the faults of its own.
func (r *request) batchEntry(id string, entry plan) (types.SecretValueEntry, error) {
	if entry.err != nil {
		return types.SecretValueEntry{}, entry.err
	}
	single := *r
	single.plan.staleBy = max(r.plan.staleBy, entry.staleBy)
	single.asOf = r.now.Add(-single.plan.staleBy)
	out, err := single.getSecretValue(&secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return types.SecretValueEntry{}, err
	}
	return types.SecretValueEntry{
		ARN: out.ARN, Name: out.Name, CreatedDate: out.CreatedDate,
		VersionId: out.VersionId, VersionStages: out.VersionStages,
		SecretString: out.SecretString, SecretBinary: out.SecretBinary,
	}, nil
}

func entryError(id string, api smithy.APIError) types.APIErrorType {
	code, message := api.ErrorCode(), api.ErrorMessage()
	return types.APIErrorType{SecretId: &id, ErrorCode: &code, Message: &message}
}
