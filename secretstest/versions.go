package secretstest

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/middleware"
)

// listed is the longest page of ListSecrets and ListSecretVersionIds, and their
// default.
const listed = 100

// ListSecretVersionIds lists the versions of a secret in order of creation,
// those without a label only with IncludeDeprecated.
func (b *Backend) ListSecretVersionIds( //nolint:revive // the SDK's name
	ctx context.Context, in *secretsmanager.ListSecretVersionIdsInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.ListSecretVersionIdsOutput, error) {
	return listSecretVersionIDs.invoke(ctx, b, in)
}

var listSecretVersionIDs = operation[secretsmanager.ListSecretVersionIdsInput, secretsmanager.ListSecretVersionIdsOutput]{
	name: "ListSecretVersionIds",
	check: func(c *checks, in *secretsmanager.ListSecretVersionIdsInput) {
		c.secretID(in.SecretId)
		c.paging(in.MaxResults, listed, in.NextToken)
	},
	subject: func(in *secretsmanager.ListSecretVersionIdsInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.ListSecretVersionIdsOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).listSecretVersionIDs,
}

func (r *request) listSecretVersionIDs(in *secretsmanager.ListSecretVersionIdsInput) (*secretsmanager.ListSecretVersionIdsOutput, error) {
	s, err := r.view(in.SecretId)
	if err != nil {
		return nil, err
	}
	versions := s.versions
	if !aws.ToBool(in.IncludeDeprecated) {
		versions = slices.DeleteFunc(slices.Clone(versions), func(v *version) bool { return len(v.stages) == 0 })
	}
	pages := pages[*version]{of: "versions of " + s.arn, place: func(v *version) place { return place{serial: v.serial} }}
	page, next, err := pages.cut(versions, limit(in.MaxResults, listed), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.ListSecretVersionIdsOutput{
		ARN: aws.String(s.arn), Name: aws.String(s.name), NextToken: next, Versions: []types.SecretVersionsListEntry{},
	}
	for _, v := range page {
		out.Versions = append(out.Versions, v.listEntry())
	}
	return out, nil
}

func (v *version) listEntry() types.SecretVersionsListEntry {
	key := v.kmsKeyID
	if key == "" {
		key = "DefaultEncryptionKey" // the service's name for it here
	}
	return types.SecretVersionsListEntry{
		VersionId:        aws.String(v.id),
		VersionStages:    slices.Clone(v.stages),
		CreatedDate:      presentDate(v.created),
		LastAccessedDate: presentDate(v.accessed),
		KmsKeyIds:        []string{key},
	}
}

// limit is the length of a page.
func limit(maxResults *int32, most int) int {
	if maxResults == nil {
		return most
	}
	return int(*maxResults)
}
