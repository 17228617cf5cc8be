package secretstest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// stages checks which version has which labels.
func (f *fixture) stages(want map[string][]string) {
	f.Helper()
	if diff := cmp.Diff(want, f.describe().VersionIdsToStages); diff != "" {
		f.Error(diff)
	}
}

func TestPutSecretValue(t *testing.T) {
	put := func(f *fixture, in secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
		in.SecretId = aws.String("s")
		return f.PutSecretValue(f.Context(), &in)
	}
	hold(t, []behaviour{
		{"moves AWSCURRENT and AWSPREVIOUS", recorded + "test_deprecated_secret_version_stage", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token())
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
			v3 := f.put("s", token())
			f.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		}},
		{"AWSPENDING leaves AWSCURRENT", recorded + "test_put_secret_value_with_version_stages", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "AWSPENDING")
			f.stages(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
		}},
		{"takes AWSPENDING over", recorded + "test_update_secret_version_stages_current_pending_cycle", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			f.put("s", token(), "AWSPENDING")
			v3 := f.put("s", token(), "AWSPENDING")
			f.stages(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
		}},
		{"moving AWSCURRENT drops AWSPENDING from the version replaced", recorded + "test_update_secret_version_stages_current_pending", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "AWSPENDING")
			must(f.T, f.move("s", "AWSCURRENT", v2, v1))
			v3 := f.put("s", token())
			f.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		}},
		{"moving AWSCURRENT leaves AWSPENDING elsewhere", ours, func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "AWSPENDING")
			v3 := f.put("s", token())
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSPENDING"}, v3: {"AWSCURRENT"}})
		}},
		{"custom labels move and are answered sorted", recorded + "test_non_versioning_version_stages_no_replacement", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "one", "two", "three")
			out, err := put(f, secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: []string{"two", "one", "four"}})
			must(f.T, err)
			if !slices.Equal(out.VersionStages, []string{"four", "one", "two"}) {
				f.Errorf("answered %v", out.VersionStages)
			}
			f.stages(map[string][]string{v1: {"AWSCURRENT"}, v2: {"three"}, *out.VersionId: {"four", "one", "two"}})
		}},
		{"the first version is current whatever its labels", documented + "API_PutSecretValue.html", func(f *fixture) {
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
			must(f.T, err)
			v1 := f.put("s", token(), "mine")
			f.stages(map[string][]string{v1: {"AWSCURRENT", "mine"}})
		}},
		{"same token, same value: nothing happens", documented + "API_PutSecretValue.html", func(f *fixture) {
			f.create("s", token())
			in := secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
			_, err := put(f, in)
			must(f.T, err)
			v3 := f.put("s", token())
			f.clock.Advance(time.Minute)
			again, err := put(f, in)
			must(f.T, err)
			if *again.VersionId != *in.ClientRequestToken || !slices.Equal(again.VersionStages, []string{"AWSPREVIOUS"}) {
				f.Errorf("answered %s %v", *again.VersionId, again.VersionStages)
			}
			f.stages(map[string][]string{*in.ClientRequestToken: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
			if f.describe().LastChangedDate.Equal(f.clock.Now().Truncate(time.Millisecond)) {
				f.Error("LastChangedDate moved")
			}
		}},
		{"same token, other value", documented + "API_PutSecretValue.html; text: moto models.py", func(f *fixture) {
			arn := *f.create("s", token()).ARN
			in := secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
			_, err := put(f, in)
			must(f.T, err)
			for _, other := range []secretsmanager.PutSecretValueInput{
				{SecretString: aws.String(token())}, {SecretBinary: []byte(*in.SecretString)},
			} {
				other.ClientRequestToken = in.ClientRequestToken
				_, err = put(f, other)
				refused(f.T, err, "ResourceExistsException", fmt.Sprintf(
					"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", *in.ClientRequestToken, arn))
			}
		}},
		{"no value", "moto responses.py, put_secret_value", func(f *fixture) {
			f.create("s", token())
			_, err := put(f, secretsmanager.PutSecretValueInput{})
			refused(f.T, err, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
		}},
		{"text and bytes together", reported + "aws-sdk-java#1556", func(f *fixture) {
			f.create("s", token())
			_, err := put(f, secretsmanager.PutSecretValueInput{SecretString: aws.String("a"), SecretBinary: []byte("b")})
			refused(f.T, err, "InvalidParameterException", textBoth)
		}},
		{"absent secret", recorded + "test_secret_not_found", func(f *fixture) {
			_, err := put(f, secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
			notFound(f.T, err)
		}},
		{"21 labels in one call", serviceModel, func(f *fixture) {
			f.create("s", token())
			_, err := put(f, secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: labels(21)})
			if got := codeOf(err); got != "ValidationException" {
				f.Errorf("got %v", err)
			}
		}},
		{"more than 20 labels over all versions", quotas + "; the text is the fake's", func(f *fixture) {
			f.create("s", token())
			_, err := put(f, secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: labels(20)})
			refused(f.T, err, "LimitExceededException", "A secret can have at most 20 staging labels.")
			f.put("s", token(), labels(19)...)
		}},
		{"unlabelled versions beyond 100 go when a day old", quotas, func(f *fixture) {
			labelled := *f.create("s", token()).VersionId
			must(f.T, f.move("s", "KEEP", labelled, ""))
			first := f.put("s", token())
			for range 110 {
				f.put("s", token())
			}
			byID := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: &first}
			_, err := f.GetSecretValue(f.Context(), byID)
			must(f.T, err)
			f.clock.Advance(24 * time.Hour)
			f.put("s", token())
			if _, err = f.GetSecretValue(f.Context(), byID); codeOf(err) != "ResourceNotFoundException" {
				f.Errorf("got %v", err)
			}
			_, err = f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: &labelled})
			must(f.T, err)
		}},
	})
}

func TestUpdateSecretVersionStage(t *testing.T) {
	// two makes a secret with an earlier and a current version.
	two := func(f *fixture) (v1, v2 string) {
		return *f.create("s", token()).VersionId, f.put("s", token())
	}
	hold(t, []behaviour{
		{"AWSPREVIOUS follows AWSCURRENT, AWSPENDING stays", recorded + "test_update_secret_version_stages_current_pending", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "AWSPENDING")
			must(f.T, f.move("s", "AWSCURRENT", v2, v1))
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
		}},
		{"back again: the labels swap", documented + "API_UpdateSecretVersionStage.html", func(f *fixture) {
			v1, v2 := two(f)
			must(f.T, f.move("s", "AWSCURRENT", v1, v2))
			f.stages(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPREVIOUS"}})
		}},
		{"custom labels of both versions stay", recorded + "test_update_secret_version_stages_current_pending_cycle_custom_stages_2", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "AWSCURRENT", "PUT0")
			v3 := f.put("s", token(), "AWSPENDING", "PUT1")
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "PUT0"}, v3: {"AWSPENDING", "PUT1"}})
			must(f.T, f.move("s", "AWSCURRENT", v3, v2))
			f.stages(map[string][]string{v2: {"AWSPREVIOUS", "PUT0"}, v3: {"AWSCURRENT", "AWSPENDING", "PUT1"}})
		}},
		{"removing a label leaves the others", recorded + "test_update_secret_version_stages_current_pending_cycle_custom_stages_3", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			v2 := f.put("s", token(), "PENDING")
			must(f.T, f.move("s", "AWSCURRENT", v2, v1))
			must(f.T, f.move("s", "PENDING", "", v2))
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		}},
		{"AWSCURRENT needs RemoveFromVersionId", reported + "terraform-provider-aws#19943", func(f *fixture) {
			v1, v2 := two(f)
			refused(f.T, f.move("s", "AWSCURRENT", v1, ""), "InvalidParameterException", fmt.Sprintf(
				"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version %s, "+
					"so you must explicitly reference that version in RemoveFromVersionId.", v2))
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		}},
		{"RemoveFromVersionId without the label", documented + "API_UpdateSecretVersionStage.html; the text is the fake's", func(f *fixture) {
			v1, v2 := two(f)
			v3 := f.put("s", token())
			refused(f.T, f.move("s", "AWSCURRENT", v1, v2), "InvalidParameterException", "Staging label AWSCURRENT is not attached to version "+v2+".")
			f.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		}},
		{"AWSCURRENT can't be removed", reported + "terraform-provider-aws, resource secret_version", func(f *fixture) {
			_, v2 := two(f)
			refused(f.T, f.move("s", "AWSCURRENT", "", v2), "InvalidParameterException",
				"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
		}},
		{"a label where it is already", documented + "API_UpdateSecretVersionStage.html", func(f *fixture) {
			v1, v2 := two(f)
			must(f.T, f.move("s", "AWSCURRENT", v2, ""))
			f.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		}},
		{"an unlabelled version can be current again", documented + "API_UpdateSecretVersionStage.html", func(f *fixture) {
			v1, _ := two(f)
			v3 := f.put("s", token())
			must(f.T, f.move("s", "AWSCURRENT", v1, v3))
			f.stages(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPREVIOUS"}})
		}},
		{"absent version", ours, func(f *fixture) {
			two(f)
			id := token()
			refused(f.T, f.move("s", "LABEL", id, ""), "ResourceNotFoundException", "Secrets Manager can't find the specified secret version: "+id)
		}},
		{"neither version", ours, func(f *fixture) {
			two(f)
			refused(f.T, f.move("s", "LABEL", "", ""), "InvalidParameterException", "You must specify MoveToVersionId, RemoveFromVersionId, or both.")
		}},
		{"absent secret", recorded + "test_secret_not_found", func(f *fixture) { notFound(f.T, f.move("nobody", "LABEL", token(), "")) }},
	})
}

func TestDeleteSecret(t *testing.T) {
	window := func(f *fixture, days int64, force bool) error {
		_, err := f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{
			SecretId: aws.String("s"), RecoveryWindowInDays: &days, ForceDeleteWithoutRecovery: &force,
		})
		return err
	}
	force := func(f *fixture, id string) *secretsmanager.DeleteSecretOutput {
		out, err := f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{SecretId: &id, ForceDeleteWithoutRecovery: aws.Bool(true)})
		must(f.T, err)
		return out
	}
	const outOfRange = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
	hold(t, []behaviour{
		{"30 days by default, shown by DescribeSecret", documented + "API_DeleteSecret.html", func(f *fixture) {
			arn := *f.create("s", token()).ARN
			out := f.remove("s")
			want := f.clock.Now().Truncate(time.Millisecond).Add(30 * 24 * time.Hour)
			if !out.DeletionDate.Equal(want) || *out.ARN != arn || *out.Name != "s" {
				f.Errorf("got %v %s", out.DeletionDate, *out.ARN)
			}
			if d := f.describe(); d.DeletedDate == nil || !d.DeletedDate.Equal(want) {
				f.Errorf("described %v", d.DeletedDate)
			}
		}},
		{"reads and writes are refused meanwhile", documented + "API_DeleteSecret.html; text: reported for the service", func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			f.remove("s")
			refused(f.T, f.getErr("s"), "InvalidRequestException", textMarked)
			_, err := f.PutSecretValue(f.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String(token())})
			refused(f.T, err, "InvalidRequestException", textMarked)
			refused(f.T, f.move("s", "LABEL", v1, ""), "InvalidRequestException", textMarked)
			refused(f.T, window(f, 7, false), "InvalidRequestException", textMarked)
		}},
		{"gone when the window ends, and the name is free", documented + "API_DeleteSecret.html", func(f *fixture) {
			arn := *f.create("s", token()).ARN
			must(f.T, window(f, 7, false))
			f.clock.Advance(7*24*time.Hour - time.Second)
			f.describe()
			f.clock.Advance(time.Second)
			notFound(f.T, f.getErr("s"))
			again := f.create("s", token())
			if *again.ARN == arn {
				f.Error("the ARN has the same suffix")
			}
			notFound(f.T, f.getErr(arn))
		}},
		{"by force: gone at once", recorded + "test_can_recreate_delete_secret", func(f *fixture) {
			arn := *f.create("s", token()).ARN
			if out := force(f, "s"); *out.ARN != arn || !out.DeletionDate.Equal(f.clock.Now().Truncate(time.Millisecond)) {
				f.Errorf("got %s %v", *out.ARN, out.DeletionDate)
			}
			notFound(f.T, f.getErr("s"))
			if *f.create("s", token()).ARN == arn {
				f.Error("the ARN has the same suffix")
			}
		}},
		{"by force while scheduled", documented + "API_DeleteSecret.html", func(f *fixture) {
			f.create("s", token())
			f.remove("s")
			force(f, "s")
			notFound(f.T, f.getErr("s"))
		}},
		{"by force: an absent secret is success", recorded + "test_delete_non_existent_secret_returns_as_if_secret_exists", func(f *fixture) {
			out := force(f, "nobody")
			if *out.Name != "nobody" || out.ARN == nil || out.DeletionDate == nil {
				f.Errorf("got %v", out)
			}
		}},
		{"absent secret", recorded + "test_secret_not_found", func(f *fixture) {
			_, err := f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String("nobody")})
			notFound(f.T, err)
		}},
		{"window out of range", reported + "moto#6461", func(f *fixture) {
			f.create("s", token())
			for _, days := range []int64{-1, 0, 6, 31} {
				refused(f.T, window(f, days, false), "InvalidParameterException", outOfRange)
			}
			refused(f.T, window(f, 0, true), "InvalidParameterException", outOfRange)
		}},
		{"window and force", reported + "moto#6461", func(f *fixture) {
			f.create("s", token())
			refused(f.T, window(f, 7, true), "InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}},
	})
}

func labels(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("label%02d", i)
	}
	return list
}
