package secretstest

import (
	"context"
	"slices"
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
	found := r.states(aws.ToBool(in.IncludePlannedDeletion))
	out := &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{}}
	r.then = func(context.Context, *Backend) error { // the states are immutable, so others need not wait
		page, next, err := order.cut(matching(found, in.Filters), limit(in.MaxResults, listed), in.NextToken)
		out.NextToken = next
		for _, s := range page {
			out.SecretList = append(out.SecretList, s.listEntry())
		}
		return err
	}
	return out, nil
}

// states is the secrets that a read sees.
func (r *request) states(scheduled bool) []*secret {
	found := make([]*secret, 0, len(r.vault.timelines))
	for _, t := range r.vault.timelines {
		if s := r.seen(t); s != nil && (scheduled || !s.scheduled()) {
			found = append(found, s)
		}
	}
	return found
}

// matching is those of a list that pass the filters; the list is used up.
func matching(secrets []*secret, filters []types.Filter) []*secret {
	return slices.DeleteFunc(secrets, func(s *secret) bool { return !s.matches(filters) })
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
