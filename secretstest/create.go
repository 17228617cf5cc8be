package secretstest

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// CreateSecret makes a secret, with a version that is AWSCURRENT if a value is
// given. The SDK's per-call options are ignored, here and in every operation.
func (b *Backend) CreateSecret(
	ctx context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.CreateSecretOutput, error) {
	return createSecret.invoke(ctx, b, in)
}

var createSecret = operation[secretsmanager.CreateSecretInput, secretsmanager.CreateSecretOutput]{
	name: "CreateSecret",
	check: func(c *checks, in *secretsmanager.CreateSecretInput) {
		c.need("Name", in.Name, 1, 512)
		c.badName = in.Name != nil && !namePattern.MatchString(*in.Name)
		c.text("ClientRequestToken", in.ClientRequestToken, 32, 64)
		c.text("Description", in.Description, 0, 2048)
		c.text("KmsKeyId", in.KmsKeyId, 0, 2048)
		c.value(in.SecretString, in.SecretBinary)
		c.tags(in.Tags)
	},
	subject: func(in *secretsmanager.CreateSecretInput) Call {
		return Call{SecretID: aws.ToString(in.Name), VersionID: aws.ToString(in.ClientRequestToken)}
	},
	token:    func(in *secretsmanager.CreateSecretInput) **string { return &in.ClientRequestToken },
	metadata: func(out *secretsmanager.CreateSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).createSecret,
}

func (r *request) createSecret(in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	if err := oneValue(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	if err := notImitated("AddReplicaRegions", in.AddReplicaRegions != nil, "does not replicate"); err != nil {
		return nil, err
	}
	if err := notImitated("Type", in.Type != nil, "holds no secrets of partners"); err != nil {
		return nil, err
	}
	if err := usableTags(in.Tags); err != nil {
		return nil, err
	}
	if len(in.Tags) > maxTags {
		// The quota is documented, the answer to exceeding it is not recorded.
		return nil, limitExceeded(fmt.Sprintf("A secret can have at most %d tags.", maxTags))
	}
	name, val := *in.Name, newValue(in.SecretString, in.SecretBinary)
	if t := r.vault.timelines[name]; t != nil && t.latest(r.now) != nil {
		return r.createAgain(t.latest(r.now), *in.ClientRequestToken, val)
	}
	if r.vault.full(r.now) {
		// The quota is documented, the answer to exceeding it is not recorded.
		return nil, limitExceeded(fmt.Sprintf("An account can have at most %d secrets in a Region.", maxSecrets))
	}
	s := &secret{
		name: name, arn: r.vault.newARN(name), serial: r.vault.next(),
		description: aws.ToString(in.Description), kmsKeyID: aws.ToString(in.KmsKeyId),
		tags: withTags(nil, in.Tags), created: r.date(), changed: r.date(),
	}
	if val.empty() {
		r.publish(s)
		return &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
	}
	first := r.newVersion(s, *in.ClientRequestToken, val)
	first.stages = []string{stageCurrent}
	s.versions = []*version{first}
	if err := r.encrypt(s.kmsKeyID); err != nil {
		return nil, err
	}
	r.publish(s)
	return created(s, *in.ClientRequestToken), nil
}

// createAgain answers a name that is taken: a retry of the call that made it
// gets that call's answer.
func (r *request) createAgain(s *secret, token string, val value) (*secretsmanager.CreateSecretOutput, error) {
	if s.scheduled() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	v := s.find(token)
	switch {
	case v == nil:
		return nil, alreadyExists("The operation failed because the secret " + s.name + " already exists.")
	case !v.value.equal(val):
		return nil, tokenInUse(token, s.arn)
	}
	return created(s, token), nil
}

func created(s *secret, versionID string) *secretsmanager.CreateSecretOutput {
	return &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), VersionId: &versionID}
}

// value checks the size of a secret value, which is in bytes for a text too.
func (c *checks) value(text *string, binary []byte) {
	if text != nil {
		c.secret("SecretString", len(*text), 1, 65536)
	}
	if binary != nil {
		c.secret("SecretBinary", len(binary), 1, 65536)
	}
}

// oneValue refuses a text and bytes together.
func oneValue(text *string, binary []byte) error {
	if text != nil && binary != nil {
		return invalidParameter("You can’t specify both a binary secret value and a string secret value in the same secret.")
	}
	return nil
}
