package secretstest

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// UpdateSecretVersionStage moves a label to MoveToVersionId, or without it takes
// the label off. RemoveFromVersionId must name the version that has the label,
// so a move is a compare-and-swap.
func (b *Backend) UpdateSecretVersionStage(
	ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return updateSecretVersionStage.invoke(ctx, b, in)
}

var updateSecretVersionStage = operation[secretsmanager.UpdateSecretVersionStageInput, secretsmanager.UpdateSecretVersionStageOutput]{
	name: "UpdateSecretVersionStage",
	check: func(c *checks, in *secretsmanager.UpdateSecretVersionStageInput) {
		c.secretID(in.SecretId)
		c.need("VersionStage", in.VersionStage, 1, 256)
		c.text("MoveToVersionId", in.MoveToVersionId, 32, 64)
		c.text("RemoveFromVersionId", in.RemoveFromVersionId, 32, 64)
	},
	subject: func(in *secretsmanager.UpdateSecretVersionStageInput) Call {
		return Call{
			SecretID:     aws.ToString(in.SecretId),
			VersionID:    aws.ToString(in.MoveToVersionId),
			VersionStage: aws.ToString(in.VersionStage),
		}
	},
	metadata: func(out *secretsmanager.UpdateSecretVersionStageOutput) *middleware.Metadata {
		return &out.ResultMetadata
	},
	run: (*request).updateSecretVersionStage,
}

func (r *request) updateSecretVersionStage(in *secretsmanager.UpdateSecretVersionStageInput) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	move := labelMove{stage: *in.VersionStage, to: aws.ToString(in.MoveToVersionId), from: aws.ToString(in.RemoveFromVersionId)}
	if err := move.allowed(s); err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	move.apply(s)
	if err := s.labelsWithinLimit(); err != nil {
		return nil, err
	}
	r.publish(s)
	return &secretsmanager.UpdateSecretVersionStageOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}

// labelMove is a label to put on version to, taken off version from; either may
// be empty.
type labelMove struct{ stage, to, from string }

// allowed applies the service's rules. The messages about a version that is
// absent or lacks the label, and about a move without versions, are not
// recorded; the others are.
func (m labelMove) allowed(s *secret) error {
	for _, id := range []string{m.to, m.from} {
		if id != "" && s.find(id) == nil {
			return notFound("Secrets Manager can't find the specified secret version: " + id)
		}
	}
	holder := s.holder(m.stage)
	switch {
	case m.to == "" && m.from == "":
		return invalidParameter("You must specify MoveToVersionId, RemoveFromVersionId, or both.")
	case m.to == "" && m.stage == stageCurrent:
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	case m.from == "" && holder != nil && holder.id != m.to:
		return invalidParameter(fmt.Sprintf("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", m.stage, holder.id))
	case m.from != "" && (holder == nil || holder.id != m.from):
		return invalidParameter(fmt.Sprintf("Staging label %s is not attached to version %s.", m.stage, m.from))
	}
	return nil
}

// apply changes an edited secret.
func (m labelMove) apply(s *secret) {
	switch {
	case m.to == "":
		s.detach(m.stage)
	case m.stage == stageCurrent:
		s.promote(m.to)
	default:
		s.attach(m.stage, m.to)
	}
}
