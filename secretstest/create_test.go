package secretstest_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

func TestCreateSecret(t *testing.T) {
	hold(t, []behaviour{
		{"answers ARN, name and version", recorded + "test_create_and_update_secret", func(f *fixture) {
			out := f.create("prod/app/t_1/key", token())
			if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/app/t_1/key-[A-Za-z0-9]{6}$`).MatchString(*out.ARN) {
				f.Errorf("ARN is %s", *out.ARN)
			}
			if *out.Name != "prod/app/t_1/key" || len(*out.VersionId) != 36 {
				f.Errorf("Name %s, VersionId %s", *out.Name, *out.VersionId)
			}
		}},
		{"the token becomes the version id", documented + "API_CreateSecret.html", func(f *fixture) {
			id := token()
			out, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{
				Name: aws.String("s"), SecretString: aws.String(token()), ClientRequestToken: &id,
			})
			must(f.T, err)
			if *out.VersionId != id || *f.get("s").VersionId != id {
				f.Errorf("VersionId %s, want %s", *out.VersionId, id)
			}
		}},
		{"without a value there is no version", recorded + "test_create_secret_version_from_empty_secret, test_secret_version_not_found", func(f *fixture) {
			out, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), Description: aws.String("")})
			must(f.T, err)
			if out.VersionId != nil {
				f.Errorf("VersionId %s", *out.VersionId)
			}
			if d := f.describe(); d.VersionIdsToStages != nil || d.Description != nil {
				f.Errorf("described %v, %v", d.VersionIdsToStages, d.Description)
			}
			refused(f.T, f.getErr("s"), "ResourceNotFoundException",
				"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
			id := f.put("s", token())
			if got := f.get("s"); *got.VersionId != id {
				f.Errorf("the first version put is not current")
			}
		}},
		{"keeps what it is given", documented + "API_DescribeSecret.html", func(f *fixture) {
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{
				Name: aws.String("s"), Description: aws.String("for the webhook"), KmsKeyId: aws.String("alias/mine"),
				Tags: []types.Tag{{Key: aws.String("TenantId"), Value: aws.String("t_1")}, {Key: aws.String("Empty"), Value: aws.String("")}},
			})
			must(f.T, err)
			d := f.describe()
			if aws.ToString(d.Description) != "for the webhook" || aws.ToString(d.KmsKeyId) != "alias/mine" {
				f.Errorf("described %v %v", d.Description, d.KmsKeyId)
			}
			want := map[string]string{"TenantId": "t_1", "Empty": ""}
			if diff := cmp.Diff(want, tagMap(d.Tags)); diff != "" {
				f.Error(diff)
			}
		}},
		{"same token, same value: the same answer", documented + "API_CreateSecret.html", func(f *fixture) {
			in := secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
			first, err := f.CreateSecret(f.Context(), &in)
			must(f.T, err)
			again, err := f.CreateSecret(f.Context(), &in)
			must(f.T, err)
			if *first.ARN != *again.ARN || *first.VersionId != *again.VersionId {
				f.Errorf("got %s, then %s", *first.ARN, *again.ARN)
			}
		}},
		{"same token, other value", documented + "API_CreateSecret.html; text: moto models.py", func(f *fixture) {
			in := secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
			out, err := f.CreateSecret(f.Context(), &in)
			must(f.T, err)
			in.SecretString = aws.String(token())
			_, err = f.CreateSecret(f.Context(), &in)
			refused(f.T, err, "ResourceExistsException", fmt.Sprintf(
				"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", *in.ClientRequestToken, *out.ARN))
		}},
		{"other token", recorded + "test_secret_exists_snapshots", func(f *fixture) {
			f.create("s", token())
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
			refused(f.T, err, "ResourceExistsException", "The operation failed because the secret s already exists.")
		}},
		{"name of a secret scheduled for deletion", recorded + "test_exp_raised_on_creation_of_secret_scheduled_for_deletion", func(f *fixture) {
			f.create("s", token())
			f.remove("s")
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
			refused(f.T, err, "InvalidRequestException",
				"You can't create this secret because a secret with this name is already scheduled for deletion.")
		}},
		{"text and bytes together", reported + "aws-sdk-java#1556", func(f *fixture) {
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{
				Name: aws.String("s"), SecretString: aws.String("a"), SecretBinary: []byte("b"),
			})
			refused(f.T, err, "InvalidParameterException", textBoth)
		}},
		{"dates are UTC milliseconds", recorded + "every date; " + documented + "API_DescribeSecret.html", func(f *fixture) {
			f.create("s", token())
			want := f.clock.Now().Truncate(time.Millisecond)
			d := f.describe()
			if !d.CreatedDate.Equal(want) || !d.LastChangedDate.Equal(want) || d.CreatedDate.Location() != time.UTC {
				f.Errorf("created %v, changed %v, want %v", d.CreatedDate, d.LastChangedDate, want)
			}
		}},
	})
}

func TestNames(t *testing.T) {
	for _, name := range []string{"s-c64bdc03", "Valid/_+=.@-Name", "Valid/_+=.@-Name-a1b2", "Valid/_+=.@-Name-a1b2c3-"} {
		hold(t, []behaviour{{name, recorded + "test_create_and_update_secret", func(f *fixture) {
			arn := *f.create(name, token()).ARN
			for _, id := range []string{name, arn, arn[:len(arn)-len("-a1b2c3")]} {
				if got := f.get(id); *got.ARN != arn {
					f.Errorf("%s found %s", id, *got.ARN)
				}
			}
		}}})
	}
	for _, name := range []string{"Inv Name", " Inv Name", " Inv*Name? ", " Inv *?!]Name\\-", "é", "a:b"} {
		hold(t, []behaviour{{name, recorded + "test_invalid_secret_name", func(f *fixture) {
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: &name})
			refused(f.T, err, "ValidationException", textBadName)
			refused(f.T, f.getErr(name), "ValidationException", textBadName)
			_, err = f.DescribeSecret(f.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
			refused(f.T, err, "ValidationException", textBadName)
			_, err = f.PutSecretValue(f.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String("v")})
			refused(f.T, err, "ValidationException", textBadName)
			_, err = f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name})
			refused(f.T, err, "ValidationException", textBadName)
			refused(f.T, f.move(name, "L", token(), ""), "ValidationException", textBadName)
		}}})
	}
	hold(t, []behaviour{
		{"a partial ARN that looks whole is another secret's", recorded + "test_create_and_update_secret[Invalid/_+=.@-Name-a1b2c3-False]", func(f *fixture) {
			arn := *f.create("Invalid/_+=.@-Name-a1b2c3", token()).ARN
			notFound(f.T, f.getErr(arn[:len(arn)-len("-XXXXXX")]))
			f.get(arn)
		}},
		{"an ARN with another suffix, account or Region", ours, func(f *fixture) {
			arn := *f.create("s", token()).ARN
			for _, other := range []string{
				arn[:len(arn)-6] + "aaaaaa",
				"arn:aws:secretsmanager:us-east-1:210987654321:secret:s",
				"arn:aws:secretsmanager:eu-west-1:123456789012:secret:s",
			} {
				notFound(f.T, f.getErr(other))
			}
		}},
	})
}

func TestLimits(t *testing.T) {
	violation := func(what, member, constraint string) string {
		return "1 validation error detected: " + what + " at '" + member + "' failed to satisfy constraint: Member must have length " + constraint
	}
	create := func(in secretsmanager.CreateSecretInput, message string) func(*fixture) {
		return func(f *fixture) {
			if in.Name == nil {
				in.Name = aws.String("s")
			}
			_, err := f.CreateSecret(f.Context(), &in)
			if message == "" {
				must(f.T, err)
				return
			}
			refused(f.T, err, "ValidationException", message)
		}
	}
	name, text, key := long(513), long(2049), long(129)
	hold(t, []behaviour{
		{"name of 512", serviceModel, create(secretsmanager.CreateSecretInput{Name: aws.String(name[:512])}, "")},
		{"name of 513", serviceModel, create(secretsmanager.CreateSecretInput{Name: &name}, violation("Value '"+name+"'", "name", "less than or equal to 512"))},
		{"token of 31", serviceModel, create(secretsmanager.CreateSecretInput{ClientRequestToken: aws.String(name[:31])},
			violation("Value '"+name[:31]+"'", "clientRequestToken", "greater than or equal to 32"))},
		{"token of 65", serviceModel, create(secretsmanager.CreateSecretInput{ClientRequestToken: aws.String(name[:65])},
			violation("Value '"+name[:65]+"'", "clientRequestToken", "less than or equal to 64"))},
		{"text of 65,536", quotas, create(secretsmanager.CreateSecretInput{SecretString: aws.String(long(65536))}, "")},
		{"text of 65,537", "recorded text of the service; " + quotas, create(secretsmanager.CreateSecretInput{SecretString: aws.String(long(65537))},
			violation("Value", "secretString", "less than or equal to 65536"))},
		{"empty text", serviceModel, create(secretsmanager.CreateSecretInput{SecretString: aws.String("")},
			violation("Value", "secretString", "greater than or equal to 1"))},
		{"bytes of 65,536", quotas, create(secretsmanager.CreateSecretInput{SecretBinary: make([]byte, 65536)}, "")},
		{"bytes of 65,537", quotas, create(secretsmanager.CreateSecretInput{SecretBinary: make([]byte, 65537)},
			violation("Value", "secretBinary", "less than or equal to 65536"))},
		{"description of 2,049", serviceModel, create(secretsmanager.CreateSecretInput{Description: &text},
			violation("Value '"+text+"'", "description", "less than or equal to 2048"))},
		{"KMS key of 2,049", serviceModel, create(secretsmanager.CreateSecretInput{KmsKeyId: &text},
			violation("Value '"+text+"'", "kmsKeyId", "less than or equal to 2048"))},
		{"50 tags", quotas, create(secretsmanager.CreateSecretInput{Tags: tags(50)}, "")},
		{"51 tags", quotas + "; the text is the fake's", func(f *fixture) {
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), Tags: tags(51)})
			refused(f.T, err, "LimitExceededException", "A secret can have at most 50 tags.")
		}},
		{"tag key of 129", serviceModel, create(secretsmanager.CreateSecretInput{Tags: []types.Tag{{Key: &key, Value: aws.String("v")}}},
			violation("Value '"+key+"'", "tags.1.member.key", "less than or equal to 128"))},
		{"two violations are told together", serviceModel, create(
			secretsmanager.CreateSecretInput{ClientRequestToken: aws.String("short"), SecretString: aws.String("")},
			"2 validation errors detected: Value 'short' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 32; "+
				"Value at 'secretString' failed to satisfy constraint: Member must have length greater than or equal to 1")},
	})
}

func tags(n int) []types.Tag {
	list := make([]types.Tag, n)
	for i := range list {
		list[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String("v")}
	}
	return list
}

func tagMap(list []types.Tag) map[string]string {
	m := make(map[string]string)
	for _, tag := range list {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}
