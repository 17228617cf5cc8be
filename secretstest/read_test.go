package secretstest_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestGetSecretValue(t *testing.T) {
	hold(t, []behaviour{
		{"text", recorded + "test_create_and_update_secret", func(f *fixture) {
			val := token()
			made := f.create("s", val)
			f.clock.Advance(time.Hour)
			got := f.get("s")
			if *got.SecretString != val || got.SecretBinary != nil {
				f.Error("not the text alone")
			}
			if *got.ARN != *made.ARN || *got.Name != "s" || *got.VersionId != *made.VersionId || !slices.Equal(got.VersionStages, []string{"AWSCURRENT"}) {
				f.Errorf("got %s %s %s %v", *got.ARN, *got.Name, *got.VersionId, got.VersionStages)
			}
			if want := f.clock.Now().Add(-time.Hour).Truncate(time.Millisecond); !got.CreatedDate.Equal(want) {
				f.Errorf("CreatedDate %v, want the version's %v", got.CreatedDate, want)
			}
		}},
		{"bytes", documented + "API_GetSecretValue.html", func(f *fixture) {
			val := []byte("\x00\xff" + token())
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretBinary: val})
			must(f.T, err)
			if got := f.get("s"); !bytes.Equal(got.SecretBinary, val) || got.SecretString != nil {
				f.Error("not the bytes alone")
			}
		}},
		{"absent secret", recorded + "test_secret_not_found", func(f *fixture) { notFound(f.T, f.getErr("nobody")) }},
		{"absent stage", recorded + "test_get_secret_value_errors", func(f *fixture) {
			f.create("s", token())
			_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionStage: aws.String("AWSPREVIOUS")})
			refused(f.T, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS")
		}},
		{"absent version", recorded + "test_secret_version_not_found", func(f *fixture) {
			f.create("s", token())
			id := token()
			_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: &id})
			refused(f.T, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+id)
		}},
		{"version and stage that disagree", recorded + "test_get_secret_value_errors", func(f *fixture) {
			first := f.create("s", token())
			f.put("s", token())
			_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{
				SecretId: aws.String("s"), VersionId: first.VersionId, VersionStage: aws.String("AWSCURRENT"),
			})
			refused(f.T, err, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
		}},
		{"version and stage that agree", documented + "API_GetSecretValue.html", func(f *fixture) {
			first := f.create("s", token())
			_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{
				SecretId: aws.String("s"), VersionId: first.VersionId, VersionStage: aws.String("AWSCURRENT"),
			})
			must(f.T, err)
		}},
		{"an unlabelled version reads by id, without stages", documented + "API_GetSecretValue.html; " + recorded + "test_deprecated_secret_version_stage", func(f *fixture) {
			val := token()
			first := f.create("s", val)
			f.put("s", token())
			f.put("s", token())
			got, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: first.VersionId})
			must(f.T, err)
			if *got.SecretString != val || len(got.VersionStages) != 0 {
				f.Errorf("stages %v", got.VersionStages)
			}
		}},
		{"version id too short", serviceModel, func(f *fixture) {
			_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: aws.String("AWSCURRENT")})
			refused(f.T, err, "ValidationException", "1 validation error detected: Value 'AWSCURRENT' at 'versionId' "+
				"failed to satisfy constraint: Member must have length greater than or equal to 32")
		}},
	})
}

func TestDescribeSecret(t *testing.T) {
	hold(t, []behaviour{
		{"absent members are absent", recorded + "test_update_secret_description", func(f *fixture) {
			made := f.create("s", token())
			got := f.describe()
			got.ResultMetadata = secretsmanager.DescribeSecretOutput{}.ResultMetadata
			date := f.clock.Now().Truncate(time.Millisecond)
			want := &secretsmanager.DescribeSecretOutput{
				ARN: made.ARN, Name: made.Name, CreatedDate: &date, LastChangedDate: &date,
				VersionIdsToStages: map[string][]string{*made.VersionId: {"AWSCURRENT"}},
			}
			if diff := cmp.Diff(want, got, exported); diff != "" {
				f.Error(diff)
			}
		}},
		{"LastAccessedDate is the day of a read", documented + "API_DescribeSecret.html", func(f *fixture) {
			f.create("s", token())
			f.get("s")
			f.get("s")
			day := f.clock.Now().Truncate(24 * time.Hour)
			if got := f.describe(); !got.LastAccessedDate.Equal(day) {
				f.Errorf("accessed %v, want %v", got.LastAccessedDate, day)
			}
		}},
		{"LastChangedDate moves with a put and a label", documented + "API_DescribeSecret.html (modified in any way); not recorded for labels", func(f *fixture) {
			f.create("s", token())
			for _, change := range []func(){
				func() { f.put("s", token()) },
				func() { must(f.T, f.move("s", "LABEL", *f.get("s").VersionId, "")) },
			} {
				f.clock.Advance(time.Minute)
				change()
				if got := f.describe(); !got.LastChangedDate.Equal(f.clock.Now().Truncate(time.Millisecond)) {
					f.Errorf("changed %v at %v", got.LastChangedDate, f.clock.Now())
				}
			}
		}},
		{"an unlabelled version does not show", recorded + "test_update_secret_description", func(f *fixture) {
			f.create("s", token())
			previous, current := f.put("s", token()), f.put("s", token())
			want := map[string][]string{previous: {"AWSPREVIOUS"}, current: {"AWSCURRENT"}}
			if diff := cmp.Diff(want, f.describe().VersionIdsToStages); diff != "" {
				f.Error(diff)
			}
		}},
		{"absent secret", recorded + "test_secret_not_found", func(f *fixture) {
			_, err := f.DescribeSecret(f.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("nobody")})
			notFound(f.T, err)
		}},
	})
}

func TestBatchGetSecretValue(t *testing.T) {
	ids := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = token()
		}
		return list
	}
	batch := func(f *fixture, list []string) (*secretsmanager.BatchGetSecretValueOutput, error) {
		return f.BatchGetSecretValue(f.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: list})
	}
	hold(t, []behaviour{
		{"values and errors side by side", documented + "API_BatchGetSecretValue.html", func(f *fixture) {
			a, b := token(), token()
			f.create("a", token())
			f.put("a", a)
			arn := *f.create("b", b).ARN
			f.create("gone", token())
			f.remove("gone")
			out, err := batch(f, []string{"a", "nobody", arn, "gone"})
			must(f.T, err)
			if len(out.SecretValues) != 2 || *out.SecretValues[0].SecretString != a || *out.SecretValues[1].SecretString != b {
				f.Fatalf("%d values", len(out.SecretValues))
			}
			if v := out.SecretValues[0]; *v.Name != "a" || !slices.Equal(v.VersionStages, []string{"AWSCURRENT"}) || v.CreatedDate == nil || v.VersionId == nil {
				f.Errorf("entry %s %v", *v.Name, v.VersionStages)
			}
			want := []types.APIErrorType{
				{SecretId: aws.String("nobody"), ErrorCode: aws.String("ResourceNotFoundException"), Message: aws.String(textNotFound)},
				{SecretId: aws.String("gone"), ErrorCode: aws.String("InvalidRequestException"), Message: aws.String(textMarked)},
			}
			if diff := cmp.Diff(want, out.Errors, exported); diff != "" {
				f.Error(diff)
			}
		}},
		{"20 ids", serviceModel, func(f *fixture) {
			out, err := batch(f, ids(20))
			must(f.T, err)
			if len(out.Errors) != 20 || out.SecretValues == nil {
				f.Errorf("%d errors", len(out.Errors))
			}
		}},
		{"21 ids", serviceModel, func(f *fixture) {
			_, err := batch(f, ids(21))
			if got := codeOf(err); got != "ValidationException" {
				f.Errorf("got %v", err)
			}
		}},
		{"no ids", "moto models.py, batch_get_secret_value", func(f *fixture) {
			_, err := batch(f, nil)
			refused(f.T, err, "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
		}},
		{"a fault on no secret counts calls, not entries", "the fake's contract: Fault.SecretID", func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			f.backend.Inject(secretstest.Fault{After: 1, Err: secretstest.Throttling()})
			for _, want := range []string{"", "ThrottlingException"} {
				out, err := batch(f, []string{"a", "b"})
				if codeOf(err) != want || err == nil && len(out.Errors) != 0 {
					f.Errorf("got %v", err)
				}
			}
		}},
		{"a connection that breaks for one secret breaks for all", "the fake's contract: Fault.SecretID", func(f *fixture) {
			f.backend.Inject(secretstest.Fault{SecretID: "b", Err: secretstest.ConnectionReset()})
			_, err := batch(f, []string{"a", "b"})
			broken(f.T, err)
		}},
		{"a stale entry", "the fake's contract: Fault.StaleBy", func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			f.backend.Inject(secretstest.Fault{SecretID: "b", StaleBy: time.Second})
			out, err := batch(f, []string{"a", "b"})
			must(f.T, err)
			if len(out.SecretValues) != 1 || len(out.Errors) != 1 || *out.Errors[0].SecretId != "b" {
				f.Errorf("%d values, errors %v", len(out.SecretValues), out.Errors)
			}
		}},
		{"a fault on one secret is its entry's", documented + "API_BatchGetSecretValue.html (Errors)", func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			defer f.backend.Inject(denied("a"))()
			out, err := batch(f, []string{"a", "b"})
			must(f.T, err)
			if len(out.SecretValues) != 1 || len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "AccessDeniedException" {
				f.Errorf("%d values, errors %v", len(out.SecretValues), out.Errors)
			}
		}},
	})
}
