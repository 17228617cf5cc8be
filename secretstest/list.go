package secretstest

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/middleware"
)

// ListSecrets lists the secrets that pass the filters, by default in order of
// creation; those scheduled for deletion only with IncludePlannedDeletion. It
// shows the present; the service may lag five minutes, which a fault with
// StaleBy imitates.
func (b *Backend) ListSecrets(
	ctx context.Context, in *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.ListSecretsOutput, error) {
	return listSecrets.invoke(ctx, b, in)
}

var listSecrets = operation[secretsmanager.ListSecretsInput, secretsmanager.ListSecretsOutput]{
	name: "ListSecrets",
	check: func(c *checks, in *secretsmanager.ListSecretsInput) {
		c.filters(in.Filters)
		c.paging(in.MaxResults, listed, in.NextToken)
		enum(c, "SortBy", in.SortBy, in.SortBy.Values())
		enum(c, "SortOrder", in.SortOrder, in.SortOrder.Values())
	},
	subject:  func(*secretsmanager.ListSecretsInput) Call { return Call{} },
	metadata: func(out *secretsmanager.ListSecretsOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).listSecrets,
}

func (r *request) listSecrets(in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	if err := complete(in.Filters); err != nil {
		return nil, err
	}
	order := pages[*secret]{of: "secrets by " + string(in.SortBy), place: placed(in.SortBy), backwards: in.SortOrder == types.SortOrderTypeDesc}
	page, next, err := order.cut(r.secrets(in.Filters, aws.ToBool(in.IncludePlannedDeletion)), limit(in.MaxResults, listed), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{}, NextToken: next}
	for _, s := range page {
		out.SecretList = append(out.SecretList, s.listEntry())
	}
	return out, nil
}

// secrets is those that a read sees and that pass the filters.
func (r *request) secrets(filters []types.Filter, scheduled bool) []*secret {
	var found []*secret
	for _, t := range r.vault.timelines {
		if s := r.seen(t); s != nil && (scheduled || !s.scheduled()) && s.matches(filters) {
			found = append(found, s)
		}
	}
	return found
}

// placed orders secrets.
func placed(by types.SortByType) func(*secret) place {
	date := func(of func(*secret) time.Time) func(*secret) place {
		return func(s *secret) place { return place{date: of(s).UnixMilli(), serial: s.serial} }
	}
	switch by {
	case types.SortByTypeName:
		return func(s *secret) place { return place{text: s.name} }
	case types.SortByTypeLastChangedDate:
		return date(func(s *secret) time.Time { return s.changed })
	case types.SortByTypeLastAccessedDate:
		return date(func(s *secret) time.Time { return s.accessed })
	default:
		return date(func(s *secret) time.Time { return s.created })
	}
}

func (s *secret) listEntry() types.SecretListEntry {
	rotation := s.rotationMembers()
	return types.SecretListEntry{
		ARN:                    aws.String(s.arn),
		Name:                   aws.String(s.name),
		Description:            present(s.description),
		KmsKeyId:               present(s.kmsKeyID),
		CreatedDate:            presentDate(s.created),
		LastChangedDate:        presentDate(s.changed),
		LastAccessedDate:       presentDate(s.accessed),
		DeletedDate:            presentDate(s.deletion),
		RotationEnabled:        rotation.enabled,
		RotationLambdaARN:      rotation.lambda,
		RotationRules:          rotation.rules,
		LastRotatedDate:        rotation.rotated,
		NextRotationDate:       rotation.next,
		Tags:                   s.tagList(),
		SecretVersionsToStages: s.versionIDsToStages(),
	}
}
