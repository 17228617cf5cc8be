package conformance

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The rows of this file say which members are in an answer even if they are
// false or empty. Clients that are not written in Go tell an absent member from
// a false or empty one. The rows of whole answers in the other files hold which
// members are absent.

// cliExample is an answer in the examples that come with the AWS CLI.
func cliExample(command string) source {
	return source{byExample, "secretsmanager/" + command + ".rst"}
}

// sends is a raw request and members of its answer, as they are on the wire.
func sends(name string, source source, prepare func(*check), operation, body string, want map[string]string) behaviour {
	return behaviour{name, source, func(c *check) {
		prepare(c)
		status, answer := c.post(operation, strings.ReplaceAll(body, "NAME", c.name))
		c.same("status", status, 200)
		var got map[string]json.RawMessage
		c.must(json.Unmarshal([]byte(answer), &got))
		for member, text := range want {
			c.same(member, string(got[member]), text)
		}
	}}
}

func noSecret(*check) {}

var sentMembers = []behaviour{
	{"ValidateResourcePolicy sends PolicyValidationPassed, true or false, and ValidationErrors, empty or not", cliExample("validate-resource-policy"), func(c *check) {
		for policy, passed := range map[string]bool{policyFor("arn:aws:iam::123456789012:root"): true, publicPolicy: false} {
			body, err := json.Marshal(map[string]string{"ResourcePolicy": policy})
			c.must(err)
			_, answer := c.post("ValidateResourcePolicy", string(body))
			var got map[string]any
			c.must(json.Unmarshal([]byte(answer), &got))
			c.same("PolicyValidationPassed", got["PolicyValidationPassed"], passed)
			problems, ok := got["ValidationErrors"].([]any)
			if !ok || (len(problems) == 0) != passed {
				c.errorf("ValidationErrors %s", show(got["ValidationErrors"]))
			}
		}
	}},
	sends("BatchGetSecretValue sends empty Errors", cliExample("batch-get-secret-value"),
		func(c *check) { c.create(token()) }, "BatchGetSecretValue", `{"SecretIdList":["NAME"]}`,
		map[string]string{"Errors": "[]"}),
	sends("BatchGetSecretValue sends empty SecretValues", ours,
		noSecret, "BatchGetSecretValue", `{"SecretIdList":["NAME"]}`, map[string]string{"SecretValues": "[]"}),
	sends("ListSecrets sends an empty SecretList", verified("moto test_with_all_filter_special_characters"),
		noSecret, "ListSecrets", `{"Filters":[{"Key":"name","Values":["NAME/none"]}]}`, map[string]string{"SecretList": "[]"}),
	sends("ListSecretVersionIds sends empty Versions", ours,
		func(c *check) { c.createWith(secretsmanager.CreateSecretInput{}) }, "ListSecretVersionIds", `{"SecretId":"NAME"}`,
		map[string]string{"Versions": "[]"}),
	sends("DescribeSecret sends RotationEnabled false once rotation is turned off", documented("apireference/API_DescribeSecret.html (RotationEnabled)"),
		func(c *check) {
			c.create(token())
			c.lambda(c.template)
			c.rotateWith(daily())
			_, err := c.CancelRotateSecret(c.ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
			c.must(err)
		}, "DescribeSecret", `{"SecretId":"NAME"}`, map[string]string{"RotationEnabled": "false", "NextRotationDate": ""}),
}
