package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The steps below act on the secret c.name, and end the behaviour when they
// fail.

// create makes the secret and returns the answer.
func (c *check) create(value string) *secretsmanager.CreateSecretOutput {
	return c.createNamed(c.name, value)
}

func (c *check) createNamed(name, value string) *secretsmanager.CreateSecretOutput {
	return c.createWith(secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
}

// createWith makes a secret; without a name it is c.name.
func (c *check) createWith(in secretsmanager.CreateSecretInput) *secretsmanager.CreateSecretOutput {
	if in.Name == nil {
		in.Name = &c.name
	}
	out, err := c.CreateSecret(c.ctx, &in)
	c.must(err)
	return out
}

// put adds a version and returns its id.
func (c *check) put(value string, stages ...string) string {
	out, err := c.PutSecretValue(c.ctx, &secretsmanager.PutSecretValueInput{SecretId: &c.name, SecretString: &value, VersionStages: stages})
	c.must(err)
	return *out.VersionId
}

func (c *check) get() *secretsmanager.GetSecretValueOutput { return c.getByID(c.name) }

func (c *check) getByID(id string) *secretsmanager.GetSecretValueOutput {
	out, err := c.GetSecretValue(c.ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	c.must(err)
	return out
}

// getErr is the error of a GetSecretValue.
func (c *check) getErr(id string) error {
	_, err := c.GetSecretValue(c.ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	return err
}

func (c *check) describe() *secretsmanager.DescribeSecretOutput {
	out, err := c.DescribeSecret(c.ctx, &secretsmanager.DescribeSecretInput{SecretId: &c.name})
	c.must(err)
	return out
}

// stages checks which version has which labels.
func (c *check) stages(want map[string][]string) {
	c.same("labels", c.describe().VersionIdsToStages, want)
}

// move moves a label; empty ids are left out.
func (c *check) move(stage, to, from string) error {
	_, err := c.UpdateSecretVersionStage(c.ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &c.name, VersionStage: &stage, MoveToVersionId: optional(to), RemoveFromVersionId: optional(from),
	})
	return err
}

// remove schedules the deletion.
func (c *check) remove() *secretsmanager.DeleteSecretOutput {
	out, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &c.name})
	c.must(err)
	return out
}
