package secretstest

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// ReplicateSecretToRegions answers InvalidRequestException: secretstest has no
// replication. An absent secret is ResourceNotFoundException, as in the service.
func (b *Backend) ReplicateSecretToRegions(
	ctx context.Context, in *secretsmanager.ReplicateSecretToRegionsInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.ReplicateSecretToRegionsOutput, error) {
	return replicateSecretToRegions.invoke(ctx, b, in)
}

// RemoveRegionsFromReplication answers InvalidRequestException: secretstest has
// no replication. An absent secret is ResourceNotFoundException, as in the
// service.
func (b *Backend) RemoveRegionsFromReplication(
	ctx context.Context, in *secretsmanager.RemoveRegionsFromReplicationInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.RemoveRegionsFromReplicationOutput, error) {
	return removeRegionsFromReplication.invoke(ctx, b, in)
}

// StopReplicationToReplica answers InvalidRequestException: secretstest has no
// replication. An absent secret is ResourceNotFoundException, as in the service.
func (b *Backend) StopReplicationToReplica(
	ctx context.Context, in *secretsmanager.StopReplicationToReplicaInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.StopReplicationToReplicaOutput, error) {
	return stopReplicationToReplica.invoke(ctx, b, in)
}

var replicateSecretToRegions = operation[secretsmanager.ReplicateSecretToRegionsInput, secretsmanager.ReplicateSecretToRegionsOutput]{
	name: "ReplicateSecretToRegions",
	check: func(c *checks, in *secretsmanager.ReplicateSecretToRegionsInput) {
		c.given("AddReplicaRegions", in.AddReplicaRegions != nil)
		c.secretID(in.SecretId)
	},
	subject: func(in *secretsmanager.ReplicateSecretToRegionsInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.ReplicateSecretToRegionsOutput) *middleware.Metadata {
		return &out.ResultMetadata
	},
	run: func(r *request, in *secretsmanager.ReplicateSecretToRegionsInput) (*secretsmanager.ReplicateSecretToRegionsOutput, error) {
		return nil, r.noReplication("ReplicateSecretToRegions", in.SecretId)
	},
}

var removeRegionsFromReplication = operation[secretsmanager.RemoveRegionsFromReplicationInput, secretsmanager.RemoveRegionsFromReplicationOutput]{
	name: "RemoveRegionsFromReplication",
	check: func(c *checks, in *secretsmanager.RemoveRegionsFromReplicationInput) {
		c.given("RemoveReplicaRegions", in.RemoveReplicaRegions != nil)
		c.secretID(in.SecretId)
	},
	subject: func(in *secretsmanager.RemoveRegionsFromReplicationInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.RemoveRegionsFromReplicationOutput) *middleware.Metadata {
		return &out.ResultMetadata
	},
	run: func(r *request, in *secretsmanager.RemoveRegionsFromReplicationInput) (*secretsmanager.RemoveRegionsFromReplicationOutput, error) {
		return nil, r.noReplication("RemoveRegionsFromReplication", in.SecretId)
	},
}

var stopReplicationToReplica = operation[secretsmanager.StopReplicationToReplicaInput, secretsmanager.StopReplicationToReplicaOutput]{
	name:  "StopReplicationToReplica",
	check: func(c *checks, in *secretsmanager.StopReplicationToReplicaInput) { c.secretID(in.SecretId) },
	subject: func(in *secretsmanager.StopReplicationToReplicaInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.StopReplicationToReplicaOutput) *middleware.Metadata {
		return &out.ResultMetadata
	},
	run: func(r *request, in *secretsmanager.StopReplicationToReplicaInput) (*secretsmanager.StopReplicationToReplicaOutput, error) {
		return nil, r.noReplication("StopReplicationToReplica", in.SecretId)
	},
}

// noReplication refuses an operation on replicas. The code is one that the
// service model has for these operations, the text is secretstest's own.
func (r *request) noReplication(operation string, id *string) error {
	if _, err := r.writable(id); err != nil {
		return err
	}
	return invalidRequest(fmt.Sprintf("secretstest has no replication: %s is not available. "+
		"Create the secret in each Region with CreateSecret instead.", operation))
}
