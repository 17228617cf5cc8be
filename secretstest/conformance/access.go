package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// other is a check of the same secret by another account, which must use its
// ARN.
func (c *check) other(arn string) *check {
	if c.target.Other == nil {
		panic(uncheckable{})
	}
	return &check{API: c.target.Other, ctx: c.ctx, name: arn}
}

// setKey sets the state of a KMS key.
func (c *check) setKey(id string, state secretstest.KeyState) {
	if c.target.SetKMSKey == nil {
		panic(uncheckable{})
	}
	c.target.SetKMSKey(id, state)
}

// sharedWith is a policy that lets an account do everything.
const sharedWith = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + otherPrincipal + `"},"Action":["secretsmanager:*"],"Resource":"*"}]}`

// otherPrincipal is who uses Target.Other.
const otherPrincipal = "arn:aws:iam::210987654321:root"

const textDefaultKey = "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key."

// denied checks a refusal by IAM, whose message names the caller.
func (c *check) denied(err error, reason string) {
	c.code(err, "AccessDeniedException")
	if err != nil && !strings.Contains(err.Error(), reason) {
		c.errorf("got %v, want %s", err, reason)
	}
}

// grants is whether another account reads a secret with a policy of one
// permission.
func grants(whom, permission string, want bool) behaviour {
	return grantsWhere(whom, iam("reference_policies_elements.html"), permission, want)
}

func grantsWhere(whom string, source source, permission string, want bool) behaviour {
	return behaviour{"a secret is open to " + whom, source, func(c *check) {
		arn := *c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine")}).ARN
		there := c.other(arn)
		_, err := c.putPolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+permission+`}]}`, false)
		c.must(err)
		if err := there.getErr(arn); want {
			c.must(err)
		} else {
			c.denied(err, "because no resource-based policy allows")
		}
	}}
}

var accounts = []behaviour{
	{"another account with a policy reaches a secret, but not under the default key", verified("LocalStack test_cross_account_access"), func(c *check) {
		arn := *c.create(token()).ARN
		there := c.other(arn)
		_, err := c.putPolicy(sharedWith, false)
		c.must(err)
		d, err := there.DescribeSecret(c.ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
		c.must(err)
		c.same("ARN", d.ARN, arn)
		c.refused(there.getErr(arn), "InvalidRequestException", textDefaultKey)
		_, err = there.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
		c.refused(err, "InvalidRequestException", textDefaultKey)
		_, err = there.putPolicy(sharedWith+" ", false)
		c.must(err)
		out, err := there.GetResourcePolicy(c.ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &arn})
		c.must(err)
		c.same("policy", out.ResourcePolicy, sharedWith+" ")
		versions, err := there.ListSecretVersionIds(c.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &arn})
		c.must(err)
		c.same("versions", len(versions.Versions), 1)
		list, err := there.ListSecrets(c.ctx, &secretsmanager.ListSecretsInput{})
		c.must(err)
		c.same("listed", len(list.SecretList), 0)
		c.must(there.tagErr(pairs("tag1", "value1")))
		c.same("tags", c.describe().Tags, pairs("tag1", "value1"))
		c.must(there.untagErr([]string{"tag1"}))
		c.same("tags", c.describe().Tags, pairs())
		_, err = there.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &arn, ForceDeleteWithoutRecovery: aws.Bool(true)})
		c.must(err)
		c.notFound(c.getErr(c.name))
	}},
	{"another account with a policy reads and writes under a key of one's own", verified("LocalStack test_cross_account_access_non_default_key"), func(c *check) {
		val := token()
		arn := *c.createWith(secretsmanager.CreateSecretInput{SecretString: &val, KmsKeyId: aws.String("alias/mine")}).ARN
		there := c.other(arn)
		_, err := c.putPolicy(sharedWith, false)
		c.must(err)
		out, err := there.GetSecretValue(c.ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		c.must(err)
		c.same("value", out.SecretString, val)
		next := token()
		_, err = there.putWith(secretsmanager.PutSecretValueInput{SecretString: &next})
		c.must(err)
		c.same("value", c.get().SecretString, next)
		_, err = there.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &arn, RecoveryWindowInDays: aws.Int64(7)})
		c.must(err)
		c.same("scheduled", c.describe().DeletedDate != nil, true)
		_, err = there.RestoreSecret(c.ctx, &secretsmanager.RestoreSecretInput{SecretId: &arn})
		c.must(err)
		c.same("DeletedDate", c.describe().DeletedDate, nil)
	}},
	{"another account without a policy is denied, whether the secret exists or not", documented("userguide/auth-and-access_examples_cross.html"), func(c *check) {
		arn := *c.create(token()).ARN
		there := c.other(arn)
		c.denied(there.getErr(arn), "secretsmanager:GetSecretValue on resource: "+arn+" because no resource-based policy allows")
		c.denied(there.getErr(partial(arn)+"x"), "because no resource-based policy allows")
	}},
	{"a policy that denies counts more than one that allows", documented("userguide/auth-and-access_examples_cross.html"), func(c *check) {
		arn := *c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine")}).ARN
		there := c.other(arn)
		_, err := c.putPolicy(strings.Replace(sharedWith, `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:Get*","Resource":"*"},`, 1), false)
		c.must(err)
		c.denied(there.getErr(arn), "because no resource-based policy allows")
		_, err = there.DescribeSecret(c.ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
		c.must(err)
	}},
	grants("nobody by a policy for a role", `"Principal":{"AWS":"arn:aws:iam::210987654321:role/only-this"},"Action":"*","Resource":"*"`, false),
	grants("nobody by a policy for another resource", `"Principal":"*","Action":"*","Resource":"arn:aws:s3:::nothing"`, false),
	grants("its readers by a pattern of an action", `"Principal":"*","Action":"secretsmanager:*SecretValu?","Resource":"*"`, true),
	grants("its readers by a pattern of its ARN", `"Principal":{"AWS":"210987654321"},"Action":"*","Resource":"arn:*:secret:conformance/*-??????"`, true),
	grants("its readers by a policy for all other resources", `"Principal":"*","Action":"*","NotResource":"arn:aws:s3:::*"`, true),
	grants("nobody by a policy for all other actions", `"Principal":"*","NotAction":"secretsmanager:get*","Resource":"*"`, false),
	grants("its readers by a policy for all other principals", `"NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"`, true),
	grants("nobody by a policy for all but them", `"NotPrincipal":{"AWS":"`+otherPrincipal+`"},"Action":"*","Resource":"*"`, false),
	grants("nobody that a denial of all but others means", `"Principal":"*","Action":"*","Resource":"*"},`+
		`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"*","Resource":"*"`, false),
	grantsWhere("nobody by a permission with a condition", ours, `"Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}`, false),
	grantsWhere("nobody past a denial with a condition", ours, `"Principal":"*","Action":"*","Resource":"*"},`+
		`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"1"}}`, false),
	{"an account has names of its own", documented("userguide/whats-in-a-secret.html"), func(c *check) {
		c.create(token())
		c.notFound(c.other(c.name).getErr(c.name))
	}},
}

var keys = []behaviour{
	{"a KMS key that is denied", reported("the recorded denial of kms:Decrypt"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine")})
		c.setKey("alias/mine", secretstest.KeyDenied)
		c.refused(c.getErr(c.name), "AccessDeniedException", "Access to KMS is not allowed")
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
		c.refused(err, "AccessDeniedException", "Access to KMS is not allowed")
		c.describe()
		c.setKey("alias/mine", secretstest.KeyEnabled)
		c.get()
	}},
	{"a KMS key that is disabled", model, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine")})
		c.setKey("alias/mine", secretstest.KeyDisabled)
		c.code(c.getErr(c.name), "DecryptionFailure")
		for _, write := range []func() error{
			func() error {
				_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
				return err
			},
			func() error {
				_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, SecretString: aws.String(token())})
				return err
			},
			func() error {
				_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{
					Name: aws.String(c.secret("other")), SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine"),
				})
				return err
			},
		} {
			c.code(write(), "EncryptionFailure")
		}
	}},
	{"the KMS key of secrets that name none", documented("apireference/API_CreateSecret.html (KmsKeyId)"), func(c *check) {
		c.create(token())
		c.setKey("alias/aws/secretsmanager", secretstest.KeyDenied)
		c.refused(c.getErr(c.name), "AccessDeniedException", "Access to KMS is not allowed")
	}},
	{"BatchGetSecretValue tells a denied KMS key as an error of its secret", documented("apireference/API_BatchGetSecretValue.html"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), KmsKeyId: aws.String("alias/mine")})
		c.setKey("alias/mine", secretstest.KeyDenied)
		out := c.batch(secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{c.name}})
		c.same("errors", out.Errors[0], entryError(c.name, "AccessDeniedException", "Access to KMS is not allowed"))
	}},
}
