package secretstest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// UpdateSecret changes a secret's description and KMS key, and with a value
// adds a version that becomes AWSCURRENT.
func (b *Backend) UpdateSecret(
	ctx context.Context, in *secretsmanager.UpdateSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.UpdateSecretOutput, error) {
	return updateSecret.invoke(ctx, b, in)
}

var updateSecret = operation[secretsmanager.UpdateSecretInput, secretsmanager.UpdateSecretOutput]{
	name: "UpdateSecret",
	check: func(c *checks, in *secretsmanager.UpdateSecretInput) {
		c.secretID(in.SecretId)
		c.text("ClientRequestToken", in.ClientRequestToken, 32, 64)
		c.text("Description", in.Description, 0, 2048)
		c.text("KmsKeyId", in.KmsKeyId, 0, 2048)
		c.value(in.SecretString, in.SecretBinary)
	},
	subject: func(in *secretsmanager.UpdateSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId), VersionID: aws.ToString(in.ClientRequestToken)}
	},
	token:    func(in *secretsmanager.UpdateSecretInput) **string { return &in.ClientRequestToken },
	metadata: func(out *secretsmanager.UpdateSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).updateSecret,
}

func (r *request) updateSecret(in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	if err := oneValue(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	if err := notImitated("Type", in.Type != nil, "holds no secrets of partners"); err != nil {
		return nil, err
	}
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	token, val := *in.ClientRequestToken, newValue(in.SecretString, in.SecretBinary)
	out := &secretsmanager.UpdateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	if !val.empty() {
		out.VersionId = &token
	}
	if used, err := s.tokenUsed(token, val); err != nil {
		return nil, err
	} else if used {
		return out, nil
	}
	s = s.edit(r.date())
	if in.Description != nil {
		s.description = *in.Description
	}
	if in.KmsKeyId != nil {
		r.reencrypt(s, *in.KmsKeyId)
	}
	if !val.empty() {
		if err := r.encrypt(s.kmsKeyID); err != nil {
			return nil, err
		}
		s.add(r.newVersion(s, token, val), nil)
		s.restart(r.date())
		s.prune(r.now)
	}
	if err := s.labelsWithinLimit(); err != nil {
		return nil, err
	}
	r.publish(s)
	return out, nil
}

// reencrypt gives an edited secret a KMS key, and if the key can be used the
// versions in use too; the others keep the one they were written with.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
func (r *request) reencrypt(s *secret, key string) {
	s.kmsKeyID = key
	if r.encrypt(key) != nil {
		return
	}
	for i, v := range s.versions {
		if v.has(stageCurrent) || v.has(stagePending) || v.has(stagePrevious) {
			anew := *v
			anew.kmsKeyID = key
			s.versions[i] = &anew
		}
	}
}

// tokenUsed tells whether a token has already written this value: a retry. The
// token of another value is refused.
func (s *secret) tokenUsed(token string, val value) (bool, error) {
	v := s.find(token)
	switch {
	case v == nil || v.value.empty() || val.empty():
		return false, nil
	case !v.value.equal(val):
		return false, tokenInUse(token, s.arn)
	}
	return true, nil
}
