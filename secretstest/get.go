package secretstest

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// GetSecretValue returns the value of a version: the one with VersionId, the one
// with VersionStage, or the AWSCURRENT one.
func (b *Backend) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	return getSecretValue.invoke(ctx, b, in)
}

var getSecretValue = operation[secretsmanager.GetSecretValueInput, secretsmanager.GetSecretValueOutput]{
	name: "GetSecretValue",
	check: func(c *checks, in *secretsmanager.GetSecretValueInput) {
		c.secretID(in.SecretId)
		c.text("VersionId", in.VersionId, 32, 64)
		c.text("VersionStage", in.VersionStage, 1, 256)
	},
	subject: func(in *secretsmanager.GetSecretValueInput) Call {
		return Call{
			SecretID:     aws.ToString(in.SecretId),
			VersionID:    aws.ToString(in.VersionId),
			VersionStage: aws.ToString(in.VersionStage),
		}
	},
	metadata: func(out *secretsmanager.GetSecretValueOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).getSecretValue,
}

func (r *request) getSecretValue(in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s, err := r.view(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := s.usable(); err != nil {
		return nil, err
	}
	v, err := s.choose(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	if err := r.decrypt(v.kmsKeyID); err != nil {
		return nil, err
	}
	r.touch(s.name, v.id)
	val := newValue(v.value.text, v.value.binary) // the caller's own copy
	return &secretsmanager.GetSecretValueOutput{
		ARN:           aws.String(s.arn),
		Name:          aws.String(s.name),
		VersionId:     aws.String(v.id),
		VersionStages: slices.Clone(v.stages),
		CreatedDate:   presentDate(v.created),
		SecretString:  val.text,
		SecretBinary:  val.binary,
	}, nil
}

// choose finds the version that a read asks for. One without a value, made by a
// rotation that has not filled it, counts as absent.
func (s *secret) choose(id, stage *string) (*version, error) {
	if id != nil {
		return s.chooseByID(*id, stage)
	}
	label := stageCurrent
	if stage != nil {
		label = *stage
	}
	v := s.holder(label)
	if v == nil || v.value.empty() {
		return nil, notFound("Secrets Manager can't find the specified secret value for staging label: " + label)
	}
	return v, nil
}

func (s *secret) chooseByID(id string, stage *string) (*version, error) {
	v := s.find(id)
	switch {
	case v == nil && slices.Contains(s.pruned, id):
		return nil, invalidRequest("You can't perform this operation on secret version " + id + " because it was deleted.")
	case v == nil || v.value.empty():
		return nil, notFound("Secrets Manager can't find the specified secret value for VersionId: " + id)
	case stage != nil && !v.has(*stage):
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}

// touch dates the last access, which happens now even if the read was stale.
func (r *request) touch(name, versionID string) {
	t := r.vault.timelines[name]
	if s := t.latest(r.now); s != nil {
		t.amend(s.touched(versionID, r.now))
	}
}
