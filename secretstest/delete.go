package secretstest

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// Recovery windows, in days.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
const (
	shortestWindow = 7
	longestWindow  = 30
	defaultWindow  = 30
)

// DeleteSecret schedules a secret for deletion when the recovery window ends, by
// default in 30 days, or with ForceDeleteWithoutRecovery deletes it at once.
func (b *Backend) DeleteSecret(
	ctx context.Context, in *secretsmanager.DeleteSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.DeleteSecretOutput, error) {
	return deleteSecret.invoke(ctx, b, in)
}

var deleteSecret = operation[secretsmanager.DeleteSecretInput, secretsmanager.DeleteSecretOutput]{
	name: "DeleteSecret",
	check: func(c *checks, in *secretsmanager.DeleteSecretInput) {
		c.secretID(in.SecretId)
	},
	subject: func(in *secretsmanager.DeleteSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.DeleteSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).deleteSecret,
}

func (r *request) deleteSecret(in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	window := int64(defaultWindow)
	if in.RecoveryWindowInDays != nil {
		window = *in.RecoveryWindowInDays
	}
	force := aws.ToBool(in.ForceDeleteWithoutRecovery)
	switch {
	case window < shortestWindow || window > longestWindow:
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case force && in.RecoveryWindowInDays != nil:
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case force:
		return r.deleteNow(in.SecretId)
	}
	return r.scheduleDeletion(in.SecretId, time.Duration(window)*24*time.Hour)
}

func (r *request) scheduleDeletion(id *string, window time.Duration) (*secretsmanager.DeleteSecretOutput, error) {
	s, err := r.writable(id)
	if err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	s.deletion = r.date().Add(window)
	r.publish(s)
	return deleted(s.arn, s.name, s.deletion), nil
}

// deleteNow succeeds for a secret that does not exist, as the service does.
func (r *request) deleteNow(id *string) (*secretsmanager.DeleteSecretOutput, error) {
	s, err := r.latest(id)
	if err != nil {
		name := secretName(*id)
		return deleted(r.vault.newARN(name), name, r.date()), nil
	}
	r.vault.timelines[s.name].record(r.now, nil)
	r.vault.forget(s.name, r.now)
	return deleted(s.arn, s.name, r.date()), nil
}

func deleted(arn, name string, at time.Time) *secretsmanager.DeleteSecretOutput {
	return &secretsmanager.DeleteSecretOutput{ARN: &arn, Name: &name, DeletionDate: &at}
}
