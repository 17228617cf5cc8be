package conformance

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// removeNow deletes a secret by force.
func (c *check) removeNow(id string) *secretsmanager.DeleteSecretOutput {
	out, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &id, ForceDeleteWithoutRecovery: aws.Bool(true)})
	c.must(err)
	return out
}

// removeIn schedules the deletion, or is refused.
func (c *check) removeIn(days int64, force bool) error {
	_, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{
		SecretId: &c.name, RecoveryWindowInDays: &days, ForceDeleteWithoutRecovery: &force,
	})
	return err
}

const textWindow = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."

var deleting = []behaviour{
	{"DeleteSecret leaves 30 days by default", documented("apireference/API_DeleteSecret.html"), func(c *check) {
		made := c.create(token())
		out := c.remove()
		c.same("removed", []*string{out.ARN, out.Name}, []*string{made.ARN, made.Name})
		if left := time.Until(*out.DeletionDate); c.target.Clock == nil && (left < 29*24*time.Hour || left > 31*24*time.Hour) {
			c.errorf("deletes in %v", left)
		}
		c.same("DeletionDate", out.DeletionDate, c.date().Add(30*24*time.Hour))
	}},
	{"a secret scheduled for deletion refuses GetSecretValue", reported("kubernetes-external-secrets#114"), func(c *check) {
		c.create(token())
		c.remove()
		c.marked(c.getErr(c.name))
	}},
	{"a secret scheduled for deletion refuses writes", documented("apireference/API_DeleteSecret.html"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.remove()
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
		c.marked(err)
		c.marked(c.move("LABEL", v1, ""))
		_, err = c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, Description: aws.String("d")})
		c.marked(err)
		c.marked(c.removeIn(7, false))
	}},
	{"a secret is gone when its window ends, and the name is free", documented("apireference/API_DeleteSecret.html"), func(c *check) {
		arn := *c.create(token()).ARN
		c.must(c.removeIn(7, false))
		c.clock().Advance(7*24*time.Hour - time.Second)
		c.describe()
		c.clock().Advance(time.Second)
		c.notFound(c.getErr(c.name))
		if *c.create(token()).ARN == arn {
			c.errorf("the ARN has the same suffix")
		}
		c.notFound(c.getErr(arn))
	}},
	{"RestoreSecret takes the deletion back", recorded("test_secret_restore"), func(c *check) {
		val := token()
		made := c.create(val)
		c.remove()
		out, err := c.RestoreSecret(c.ctx, &secretsmanager.RestoreSecretInput{SecretId: &c.name})
		c.must(err)
		c.same("restored", out, &secretsmanager.RestoreSecretOutput{ARN: made.ARN, Name: made.Name})
		c.same("DeletedDate", c.describe().DeletedDate, nil)
		c.same("value", c.get().SecretString, val)
	}},
	{"RestoreSecret of a secret that is not scheduled succeeds", ours, func(c *check) {
		c.create(token())
		_, err := c.RestoreSecret(c.ctx, &secretsmanager.RestoreSecretInput{SecretId: &c.name})
		c.must(err)
	}},
	{"RestoreSecret of an absent secret", documented("apireference/API_RestoreSecret.html"), func(c *check) {
		_, err := c.RestoreSecret(c.ctx, &secretsmanager.RestoreSecretInput{SecretId: &c.name})
		c.notFound(err)
	}},
	{"DeleteSecret by force deletes a secret that is scheduled", verified("LocalStack test_force_delete_deleted_secret"), func(c *check) {
		made := c.create(token())
		c.remove()
		c.same("ARN", c.removeNow(*made.ARN).ARN, made.ARN)
		c.notFound(c.getErr(c.name))
	}},
	{"DeleteSecret by force of an absent secret is success", verified("LocalStack test_delete_non_existent_secret_returns_as_if_secret_exists"), func(c *check) {
		out := c.removeNow(c.name)
		if *out.Name != c.name || out.ARN == nil || out.DeletionDate == nil {
			c.errorf("got %s", show(out))
		}
	}},
	{"DeleteSecret of an absent secret", documented("apireference/API_DeleteSecret.html"), func(c *check) {
		_, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.notFound(err)
	}},
	{"DeleteSecret refuses a window out of range", reported("moto#6461"), func(c *check) {
		c.create(token())
		for _, days := range []int64{-1, 0, 6, 31} {
			c.refused(c.removeIn(days, false), "InvalidParameterException", textWindow)
		}
		c.refused(c.removeIn(0, true), "InvalidParameterException", textWindow)
	}},
	{"DeleteSecret refuses a window with force", reported("moto#6461"), func(c *check) {
		c.create(token())
		c.refused(c.removeIn(7, true), "InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}},
}
