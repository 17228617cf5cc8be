package secretstest_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// TestAllow shows the hook: what it is asked, and what its refusal looks like.
func TestAllow(t *testing.T) {
	var asked []secretstest.Access
	deny := ""
	b := secretstest.New(func(o *secretstest.Options) {
		o.Allow = func(a secretstest.Access) bool {
			asked = append(asked, a)
			return a.Action != deny
		}
	})
	made, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
	must(t, err)
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}
	_, err = b.GetSecretValue(t.Context(), in)
	must(t, err)
	_, err = b.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	must(t, err)
	want := []secretstest.Access{
		{Account: "123456789012", Action: "secretsmanager:CreateSecret", Resource: "s"},
		{Account: "123456789012", Action: "secretsmanager:GetSecretValue", Resource: *made.ARN},
		{Account: "123456789012", Action: "secretsmanager:ListSecrets", Resource: "*"},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}

	deny = "secretsmanager:GetSecretValue"
	_, err = b.GetSecretValue(t.Context(), in)
	refused(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: secretsmanager:GetSecretValue "+
		"on resource: "+*made.ARN+" because no identity-based policy allows the secretsmanager:GetSecretValue action")
	_, err = b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("nobody")})
	refused(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: secretsmanager:GetSecretValue "+
		"on resource: nobody because no identity-based policy allows the secretsmanager:GetSecretValue action")
	out, err := b.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"s"}})
	must(t, err)
	if len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "AccessDeniedException" {
		t.Errorf("batch errors %v", out.Errors)
	}

	deny = "secretsmanager:ListSecrets"
	byName := []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{"s"}}}
	_, err = b.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{Filters: byName})
	refused(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: secretsmanager:ListSecrets "+
		"because no identity-based policy allows the secretsmanager:ListSecrets action")
}

// TestAccessKeys shows that the account is the access key's.
func TestAccessKeys(t *testing.T) {
	var keys []string
	b := secretstest.New(func(o *secretstest.Options) {
		o.AccessKeys = map[string]string{"AKIDEXAMPLE": "210987654321"}
		o.Allow = func(a secretstest.Access) bool {
			keys = append(keys, a.AccessKey+" "+a.Account)
			return true
		}
	})
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	out, err := sdkClient(t, server.URL, "us-east-1").CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
	must(t, err)
	if got := (*out.ARN)[:len("arn:aws:secretsmanager:us-east-1:210987654321:")]; got != "arn:aws:secretsmanager:us-east-1:210987654321:" {
		t.Error(got)
	}
	if !slices.Equal(keys, []string{"AKIDEXAMPLE 210987654321"}) {
		t.Error(keys)
	}
	_, err = b.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	notFound(t, err)
}
