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
// shows every write that has been answered before; the service may lag five
// minutes, which a fault with StaleBy imitates. It does not hold up other calls,
// and what they write during the list may be in it or not.
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
	all := r.vault.all
	out := &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{}}
	r.then = func(ctx context.Context, _ *Backend) error {
		found, err := r.search(ctx, all, in.Filters, aws.ToBool(in.IncludePlannedDeletion))
		if err != nil {
			return err
		}
		page, next, err := order.cut(found, limit(in.MaxResults, listed), in.NextToken)
		out.NextToken = next
		for _, s := range page {
			out.SecretList = append(out.SecretList, s.listEntry())
		}
		return err
	}
	return out, nil
}

// searchedAtOnce is how many secrets a search reads before it lets other calls in.
const searchedAtOnce = 128

// search returns the secrets that pass the filters. It is called with the
// backend unlocked and locks it for a few secrets at a time, so that a search of
// many holds no other call up. What others write meanwhile may show or not, as
// in the service. It ends with the context.
func (r *request) search(ctx context.Context, all []*timeline, filters []types.Filter, scheduled bool) ([]*secret, error) {
	var found []*secret
	for some := range slices.Chunk(all, searchedAtOnce) {
		if err := canceled(ctx); err != nil {
			return nil, err
		}
		for _, s := range r.states(some) { // the states are immutable
			if (scheduled || !s.scheduled()) && s.matches(filters) {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// states is the secrets of some names that a read sees.
func (r *request) states(some []*timeline) []*secret {
	r.backend.mu.Lock()
	defer r.backend.mu.Unlock()
	found := make([]*secret, 0, len(some))
	for _, t := range some {
		if s := r.seen(t); s != nil {
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
