package secretstest

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// batched is the most secrets of one BatchGetSecretValue, and the default of a
// page.
const batched = 20

// BatchGetSecretValue returns the AWSCURRENT values of up to 20 secrets, by id or
// by filter in order of creation. What fails for one of them is in the answer's
// Errors; a page may hold nothing else.
func (b *Backend) BatchGetSecretValue(
	ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return batchGetSecretValue.invoke(ctx, b, in)
}

var batchGetSecretValue = operation[secretsmanager.BatchGetSecretValueInput, secretsmanager.BatchGetSecretValueOutput]{
	name: "BatchGetSecretValue",
	check: func(c *checks, in *secretsmanager.BatchGetSecretValueInput) {
		c.list("SecretIdList", in.SecretIdList, batched, 2048)
		c.filters(in.Filters)
		c.paging(in.MaxResults, batched, in.NextToken)
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
		return r.batchByFilter(in)
	}
	if in.MaxResults != nil {
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	return r.batch(in.SecretIdList, r.plan.entries), nil
}

// batchByFilter answers a page of the secrets that pass the filters, each with
// the faults of its own. What those do to the connection they do to the call,
// once its secrets are known.
func (r *request) batchByFilter(in *secretsmanager.BatchGetSecretValueInput) (*secretsmanager.BatchGetSecretValueOutput, error) {
	if err := r.authorize("ListSecrets", nil); err != nil {
		return nil, err
	}
	if err := complete(in.Filters); err != nil {
		return nil, err
	}
	all := r.vault.all
	out := &secretsmanager.BatchGetSecretValueOutput{}
	r.then = func(ctx context.Context, b *Backend) error {
		ids, next, err := r.batchPage(ctx, all, in)
		if err != nil {
			return err
		}
		found := b.faults.entries("BatchGetSecretValue", r.origin, ids)
		if found.err == nil {
			*out = *r.lockedBatch(ids, found.entries)
			out.NextToken = next
		}
		if err := found.late(ctx); err != nil {
			return err
		}
		return found.err
	}
	return out, nil
}

// batchPage is the ARNs of a page of the secrets that pass the filters, and the
// next token. It is called with the backend unlocked.
func (r *request) batchPage(ctx context.Context, all []*timeline, in *secretsmanager.BatchGetSecretValueInput) (arns []string, next *string, err error) {
	found, err := r.search(ctx, all, in.Filters, false)
	if err != nil {
		return nil, nil, err
	}
	order := pages[*secret]{of: "values", place: placed("")}
	page, next, err := order.cut(found, limit(in.MaxResults, batched), in.NextToken)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range page {
		arns = append(arns, s.arn)
	}
	return arns, next, nil
}

// lockedBatch is batch, called with the backend unlocked.
func (r *request) lockedBatch(ids []string, plans []plan) *secretsmanager.BatchGetSecretValueOutput {
	r.backend.mu.Lock()
	defer r.backend.mu.Unlock()
	return r.batch(ids, plans)
}

// late is what a plan does to a call that has been answered: a delay, and a
// connection that breaks.
func (p plan) late(ctx context.Context) error {
	if err := wait(ctx, p.delay); err != nil {
		return err
	}
	if p.lostAnswer {
		return ConnectionReset()
	}
	return nil
}

// batch reads secrets one by one, each with its own plan.
func (r *request) batch(ids []string, plans []plan) *secretsmanager.BatchGetSecretValueOutput {
	out := &secretsmanager.BatchGetSecretValueOutput{
		SecretValues: []types.SecretValueEntry{},
		Errors:       []types.APIErrorType{},
	}
	for i, id := range ids {
		value, err := r.batchEntry(id, plans[i])
		if api, failed := asAPIError(err); failed {
			out.Errors = append(out.Errors, entryError(id, api))
			continue
		}
		out.SecretValues = append(out.SecretValues, value)
	}
	return out
}

// batchEntry reads one secret, with the faults of its own.
func (r *request) batchEntry(id string, entry plan) (types.SecretValueEntry, error) {
	if entry.err != nil {
		return types.SecretValueEntry{}, entry.err
	}
	single := *r
	single.vault = r.backend.vaultFor(r.origin, &id)
	if err := single.authorize("GetSecretValue", &id); err != nil {
		return types.SecretValueEntry{}, err
	}
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
