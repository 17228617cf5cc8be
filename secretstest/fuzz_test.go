package secretstest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// FuzzRequests sends bodies to operations: every answer is JSON, and no failure
// is the server's.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{
		{"CreateSecret", `{"Name":"t","SecretString":"v","ClientRequestToken":"0123456789012345678901234567890123456789","Tags":[{"Key":"k","Value":"v"}]}`},
		{"GetSecretValue", `{"SecretId":"s","VersionStage":"AWSCURRENT"}`},
		{"BatchGetSecretValue", `{"SecretIdList":["s","t"],"Filters":null}`},
		{"BatchGetSecretValue", `{"Filters":[{"Key":"all","Values":["!MyTest 12"]}],"MaxResults":1}`},
		{"ListSecrets", `{"Filters":[{"Key":"description","Values":["a b"]}],"SortBy":"name","NextToken":"c2VjcmV0cyBieSBuYW1lCmE="}`},
		{"ListSecretVersionIds", `{"SecretId":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s","IncludeDeprecated":true}`},
		{"RotateSecret", `{"SecretId":"s","ClientRequestToken":"0123456789012345678901234567890123456789","RotationLambdaARN":"l","RotationRules":{"ScheduleExpression":"cron(0 8 1 * 2#3 *)","Duration":"3h"}}`},
		{"RotateSecret", `{"SecretId":"s","ClientRequestToken":"0123456789012345678901234567890123456789","RotationLambdaARN":"l","RotationRules":{"ScheduleExpression":"rate(4 hours)"}}`},
		{"PutResourcePolicy", `{"SecretId":"s","ResourcePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":[\"*\"]},\"Action\":\"*\"}}"}`},
		{"ValidateResourcePolicy", `{"ResourcePolicy":"[]"}`},
		{"GetRandomPassword", `{"PasswordLength":5,"ExcludeCharacters":"é","IncludeSpace":true}`},
		{"UntagResource", `{"SecretId":"s","TagKeys":["k"]}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, operation, body string) {
		b := secretstest.New()
		b.RegisterLambda("l", func(ctx context.Context, e secretstest.RotationEvent) error {
			_, err := b.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretID})
			return err
		})
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String("s"), SecretString: aws.String("v"), Description: aws.String("MyTest description 12"), Tags: tags(1),
		})
		must(t, err)
		got := post(t, b, "secretsmanager."+operation, body)
		if !json.Valid([]byte(got.body)) || got.status != http.StatusOK && got.status != http.StatusBadRequest {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
