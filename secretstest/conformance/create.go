package conformance

import (
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// tokenInUse is the answer to a token used with another value before.
func (c *check) tokenInUse(err error, token, arn string) {
	c.refused(err, "ResourceExistsException", fmt.Sprintf(
		"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, arn))
}

var creating = []behaviour{
	{"replicas and a partner's type are not ignored but refused", ours, func(c *check) {
		for _, in := range []secretsmanager.CreateSecretInput{
			{AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String("eu-west-1")}}}, {Type: aws.String("partner")},
		} {
			in.Name = &c.name
			_, err := c.CreateSecret(c.ctx, &in)
			c.code(err, "InvalidParameterException")
		}
		c.create(token())
		_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, Type: aws.String("partner")})
		c.code(err, "InvalidParameterException")
	}},
	{"CreateSecret answers ARN, name and version", recorded("test_create_and_update_secret"), func(c *check) {
		out := c.create(token())
		if !regexp.MustCompile(`^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:` + c.name + `-[A-Za-z0-9]{6}$`).MatchString(*out.ARN) {
			c.errorf("ARN %s", *out.ARN)
		}
		if *out.Name != c.name || len(*out.VersionId) != 36 {
			c.errorf("Name %s, VersionId %s", *out.Name, *out.VersionId)
		}
	}},
	{"CreateSecret makes its token the version id", documented("apireference/API_CreateSecret.html"), func(c *check) {
		id := token()
		out := c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), ClientRequestToken: &id})
		if *out.VersionId != id || *c.get().VersionId != id {
			c.errorf("VersionId %s, want %s", *out.VersionId, id)
		}
	}},
	{"CreateSecret without a value makes no version", recorded("test_create_secret_version_from_empty_secret"), func(c *check) {
		out := c.createWith(secretsmanager.CreateSecretInput{Description: aws.String("")})
		if out.VersionId != nil {
			c.errorf("VersionId %s", *out.VersionId)
		}
		d := c.describe()
		c.same("described", d, &secretsmanager.DescribeSecretOutput{
			ARN: out.ARN, Name: out.Name, CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate,
		})
		id := c.put(token())
		c.same("the first version put is current", c.get().VersionId, id)
	}},
	{"CreateSecret keeps what it is given", documented("apireference/API_DescribeSecret.html"), func(c *check) {
		tags := []types.Tag{{Key: aws.String("TenantId"), Value: aws.String("t_1")}, {Key: aws.String("Empty"), Value: aws.String("")}}
		c.createWith(secretsmanager.CreateSecretInput{Description: aws.String("for the webhook"), KmsKeyId: aws.String("alias/mine"), Tags: tags})
		d := c.describe()
		c.same("Description", d.Description, "for the webhook")
		c.same("KmsKeyId", d.KmsKeyId, "alias/mine")
		c.same("Tags", d.Tags, tags)
	}},
	{"CreateSecret again with the token and the value repeats its answer", documented("apireference/API_CreateSecret.html"), func(c *check) {
		in := secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
		first := c.createWith(in)
		c.same("again", c.createWith(in), first)
	}},
	{"CreateSecret refuses the token with another value", reported("moto#9192"), func(c *check) {
		in := secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
		first := c.createWith(in)
		in.SecretString = aws.String(token())
		_, err := c.CreateSecret(c.ctx, &in)
		c.tokenInUse(err, *in.ClientRequestToken, *first.ARN)
	}},
	{"CreateSecret refuses a name that exists", recorded("test_secret_exists_snapshots"), func(c *check) {
		c.create(token())
		_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String(token())})
		c.refused(err, "ResourceExistsException", "The operation failed because the secret "+c.name+" already exists.")
	}},
	{"CreateSecret refuses the name of a secret scheduled for deletion", recorded("test_exp_raised_on_creation_of_secret_scheduled_for_deletion"), func(c *check) {
		c.create(token())
		c.remove()
		_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String(token())})
		c.refused(err, "InvalidRequestException",
			"You can't create this secret because a secret with this name is already scheduled for deletion.")
	}},
	{"CreateSecret takes the name of a secret deleted by force", recorded("test_can_recreate_delete_secret"), func(c *check) {
		arn := *c.create(token()).ARN
		c.removeNow(c.name)
		if *c.create(token()).ARN == arn {
			c.errorf("the ARN has the same suffix")
		}
		c.notFound(c.getErr(arn))
	}},
	{"CreateSecret refuses text and bytes together", reported("aws-sdk-java#1556"), func(c *check) {
		_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String("a"), SecretBinary: []byte("b")})
		c.refused(err, "InvalidParameterException", textBoth)
	}},
	{"dates are milliseconds", verified("LocalStack test_last_updated_date (its comment)"), func(c *check) {
		want := c.date()
		c.create(token())
		d := c.describe()
		c.same("CreatedDate", d.CreatedDate, want)
		c.same("LastChangedDate", d.LastChangedDate, want)
	}},
	{"CreatedDate is the version's in GetSecretValue", documented("apireference/API_GetSecretValue.html"), func(c *check) {
		c.create(token())
		c.clock().Advance(time.Hour)
		want := c.date()
		c.put(token())
		c.same("CreatedDate", c.get().CreatedDate, want)
	}},
}
