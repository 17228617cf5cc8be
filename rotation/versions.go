package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Version is one version of a secret, without what it holds.
type Version struct {
	ID        string
	Stages    []string // its labels, such as AWSCURRENT; empty: a version of the past
	CreatedAt time.Time
	Base      string // the version that it was written after; "": not known

	// Keys are those of its document, the newest first, whether they are live or not;
	// Revoked is by what the document itself says.
	Keys []Key

	// Err is why there are no Keys: the version holds nothing, or nothing that is a
	// document of the tenant's. It is one of the sentinels.
	Err error
}

// Versions returns the versions of a tenant's secret that there are, the latest first:
// up to about a hundred, for Secrets Manager removes older ones. It costs a list, and a
// GetSecretValue for each. The error is a *tenantsecrets.Error.
func (r *Rotator) Versions(ctx context.Context, tenant string) ([]Version, error) {
	s, err := r.secret(tenant)
	if err != nil {
		return nil, failed("Versions", s, err)
	}
	versions, err := r.versions(ctx, s)
	return versions, failed("Versions", s, err)
}

func (r *Rotator) versions(ctx context.Context, s writer.Secret) ([]Version, error) {
	d, err := r.writer.Describe(ctx, s, r.begin(s))
	if err != nil {
		return nil, err
	}
	s.ARN = d.ARN // every answer that follows must be about this secret
	entries, err := r.listVersions(ctx, s)
	if err != nil {
		return nil, err
	}
	versions := make([]Version, 0, len(entries))
	for _, e := range entries {
		v := Version{ID: aws.ToString(e.VersionId), Stages: e.VersionStages, CreatedAt: aws.ToTime(e.CreatedDate)}
		if v.Err = r.fill(ctx, s, &v); ctx.Err() != nil {
			return nil, r.writer.Abandoned(ctx)
		}
		versions = append(versions, v)
	}
	slices.Reverse(versions) // of one date the latest is listed last
	slices.SortStableFunc(versions, func(a, b Version) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return versions, nil
}

// fill reads what a version holds.
func (r *Rotator) fill(ctx context.Context, s writer.Secret, v *Version) error {
	text, err := r.writer.Version(ctx, s, v.ID)
	switch {
	case answer.Code(err) == "InvalidRequestException" && !answer.SaysDeleted(err): // as keyOf takes it
		return definite(tenantsecrets.ErrNotFound, "the version was removed")
	case err != nil:
		return r.writer.ExplainRead(ctx, err)
	}
	found, err := decodeOf(s, text)
	if err != nil {
		return err
	}
	v.Base = found.Document.Base
	keys := slices.Concat([]document.Key{found.Document.Key}, found.Document.Previous)
	if keys[0].KID == "" {
		keys[0].KID = v.ID
	}
	v.Keys = keysOf(keys)
	for i, k := range v.Keys {
		v.Keys[i].Revoked = slices.Contains(found.Document.Revoked, k.KID)
	}
	return nil
}

func (r *Rotator) listVersions(ctx context.Context, s writer.Secret) (entries []types.SecretVersionsListEntry, err error) {
	in := &secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String(s.ID()), IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(100)}
	for {
		out, err := writer.Request(ctx, r.writer, func(ctx context.Context) (*secretsmanager.ListSecretVersionIdsOutput, error) {
			return r.api.ListSecretVersionIds(ctx, in, answer.Limit(answer.ManySecrets))
		})
		if err == nil {
			err = r.writer.AnsweredOf(s, out.Name, out.ARN)
		}
		if err != nil {
			return nil, r.writer.ExplainRead(ctx, err)
		}
		entries = append(entries, out.Versions...)
		if aws.ToString(out.NextToken) == "" {
			return entries, nil
		}
		in.NextToken = out.NextToken
	}
}
