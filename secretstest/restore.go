package secretstest

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// RestoreSecret takes back a scheduled deletion. Of a secret that is not
// scheduled it changes nothing.
func (b *Backend) RestoreSecret(
	ctx context.Context, in *secretsmanager.RestoreSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.RestoreSecretOutput, error) {
	return restoreSecret.invoke(ctx, b, in)
}

var restoreSecret = operation[secretsmanager.RestoreSecretInput, secretsmanager.RestoreSecretOutput]{
	name: "RestoreSecret",
	check: func(c *checks, in *secretsmanager.RestoreSecretInput) {
		c.secretID(in.SecretId)
	},
	subject: func(in *secretsmanager.RestoreSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.RestoreSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).restoreSecret,
}

func (r *request) restoreSecret(in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	s, err := r.latest(in.SecretId)
	if err != nil {
		return nil, err
	}
	if s.scheduled() {
		s = s.edit(r.date())
		s.deletion = time.Time{}
		r.publish(s)
	}
	return &secretsmanager.RestoreSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}
