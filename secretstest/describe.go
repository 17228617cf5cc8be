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

// DescribeSecret returns what there is to know about a secret but its value. It
// works while the secret is scheduled for deletion.
func (b *Backend) DescribeSecret(
	ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.DescribeSecretOutput, error) {
	return describeSecret.invoke(ctx, b, in)
}

var describeSecret = operation[secretsmanager.DescribeSecretInput, secretsmanager.DescribeSecretOutput]{
	name: "DescribeSecret",
	check: func(c *checks, in *secretsmanager.DescribeSecretInput) {
		c.secretID(in.SecretId)
	},
	subject: func(in *secretsmanager.DescribeSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.DescribeSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).describeSecret,
}

func (r *request) describeSecret(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s, err := r.view(in.SecretId)
	if err != nil {
		return nil, err
	}
	rotation := s.rotationMembers()
	return &secretsmanager.DescribeSecretOutput{
		ARN:                aws.String(s.arn),
		Name:               aws.String(s.name),
		Description:        present(s.description),
		KmsKeyId:           present(s.kmsKeyID),
		CreatedDate:        presentDate(s.created),
		LastChangedDate:    presentDate(s.changed),
		LastAccessedDate:   presentDate(s.accessed),
		DeletedDate:        presentDate(s.deletion),
		RotationEnabled:    rotation.enabled,
		RotationLambdaARN:  rotation.lambda,
		RotationRules:      rotation.rules,
		LastRotatedDate:    rotation.rotated,
		NextRotationDate:   rotation.next,
		Tags:               s.tagList(),
		VersionIdsToStages: s.versionIDsToStages(),
	}, nil
}

// tagList is nil for a secret that was never tagged, and empty for one whose
// tags were all removed, as the service answers.
func (s *secret) tagList() []types.Tag {
	if s.tags == nil {
		return nil
	}
	tags := make([]types.Tag, len(s.tags))
	for i, t := range s.tags {
		tags[i] = types.Tag{Key: &t.key, Value: &t.value}
	}
	return tags
}

// versionIDsToStages is nil when no version has a label; unlabelled versions do
// not show.
func (s *secret) versionIDsToStages() map[string][]string {
	var stages map[string][]string
	for _, v := range s.versions {
		if len(v.stages) == 0 {
			continue
		}
		if stages == nil {
			stages = make(map[string][]string)
		}
		stages[v.id] = slices.Clone(v.stages)
	}
	return stages
}

// present is nil for the empty text: the service leaves the member out.
func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// presentDate is nil for a date that is not set.
func presentDate(date time.Time) *time.Time {
	if date.IsZero() {
		return nil
	}
	return &date
}
