package conformance

import (
	"encoding/json"
	"strings"
)

// answers is a raw request and the whole body of its answer, status 400.
func answers(name string, source source, operation, body, want string) behaviour {
	return behaviour{name, source, func(c *check) {
		status, answer := c.post(operation, strings.ReplaceAll(body, "NAME", c.name))
		c.same("status", status, 400)
		c.same("body", strings.TrimSpace(answer), want)
	}}
}

// refusedRaw sends a request that reaches no operation. What the service says
// beside the code is not recorded; secretstest has a text.
func (c *check) refusedRaw(operation, body, code string) {
	status, answer := c.post(operation, body)
	c.same("status", status, 400)
	var got struct {
		Type    string `json:"__type"`
		Message string
	}
	c.must(json.Unmarshal([]byte(answer), &got))
	c.same("code", got.Type, code)
}

const (
	noToken    = `"Message":"You must provide a ClientRequestToken value. We recommend a UUID-type value."}`
	noSecretID = `{"__type":"ValidationException","Message":"1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null"}`
)

var rawRequests = []behaviour{
	answers("raw CreateSecret without a token", recorded("test_no_client_request_token[CreateSecret]"), "CreateSecret",
		`{"Name":"NAME","SecretString":"v","Description":"d"}`, `{"__type":"InvalidRequestException",`+noToken),
	answers("raw PutSecretValue without a token", recorded("test_no_client_request_token[PutSecretValue]"), "PutSecretValue",
		`{"SecretId":"NAME","SecretString":"v","Description":"d"}`, `{"__type":"InvalidRequestException",`+noToken),
	answers("raw UpdateSecret without a token", recorded("test_no_client_request_token[UpdateSecret]"), "UpdateSecret",
		`{"SecretId":"NAME","SecretString":"v","Description":"d"}`, `{"__type":"InvalidRequestException",`+noToken),
	answers("raw RotateSecret without a token", recorded("test_no_client_request_token[RotateSecret]"), "RotateSecret",
		`{"SecretId":"NAME","SecretString":"v","Description":"d"}`, `{"__type":"InvalidParameterException",`+noToken),
	{"raw request for an unknown operation", reported("aws-sdk-net#1536"), func(c *check) { c.refusedRaw("Frobnicate", `{}`, "UnknownOperationException") }},
	{"raw request that is not JSON", ours, func(c *check) { c.refusedRaw("GetSecretValue", `{"SecretId":`, "SerializationException") }},
	{"raw request that is not an object", ours, func(c *check) { c.refusedRaw("GetSecretValue", `[]`, "SerializationException") }},
	{"raw request with a member of another type", ours, func(c *check) { c.refusedRaw("GetSecretValue", `{"SecretId":1}`, "SerializationException") }},
	answers("raw request without a required member", reported("aws-sdk-kotlin#1469"), "GetSecretValue", `{}`, noSecretID),
	answers("raw request with a member in another letter case", ours, "GetSecretValue", `{"secretid":"NAME"}`, noSecretID),
	{"raw request with a nested member in another letter case", ours, func(c *check) {
		status, _ := c.post("CreateSecret", `{"Name":"`+c.name+`","ClientRequestToken":"`+token()+`","Tags":[{"Key":"k","value":"v"}]}`)
		c.same("status", status, 200)
		if tags := c.describe().Tags; len(tags) == 1 && tags[0].Value != nil && *tags[0].Value == "v" {
			c.errorf("taken as Value")
		}
	}},
	answers("raw request with members that do not exist", ours, "GetSecretValue", `{"SecretId":"NAME","More":{"a":[1]}}`,
		`{"__type":"ResourceNotFoundException","Message":"`+textNotFound+`"}`),
	{"raw answers have dates as seconds with a fraction, and days", documented("apireference/CommonParameters.html (JSON 1.1); the SDK's decoder"), func(c *check) {
		made := c.create(token())
		changed := c.date()
		c.get()
		status, answer := c.post("DescribeSecret", `{"SecretId":"`+c.name+`"}`)
		c.same("status", status, 200)
		c.sameJSON(answer, map[string]any{
			"ARN": made.ARN, "Name": c.name, "CreatedDate": float64(changed.UnixMilli()) / 1000, "LastChangedDate": float64(changed.UnixMilli()) / 1000,
			"LastAccessedDate": changed.Unix() / 86400 * 86400, "VersionIdsToStages": map[string]any{*made.VersionId: []any{"AWSCURRENT"}},
		})
	}},
	{"raw answers have bytes as base64", verified("LocalStack test_get_secret_value"), func(c *check) {
		_, err := c.CreateSecret(c.ctx, &create{Name: &c.name, SecretBinary: []byte("footest")})
		c.must(err)
		_, answer := c.post("GetSecretValue", `{"SecretId":"`+c.name+`"}`)
		if !strings.Contains(answer, `"SecretBinary":"Zm9vdGVzdA=="`) && !strings.Contains(answer, `"SecretBinary": "Zm9vdGVzdA=="`) {
			c.errorf("got %s", answer)
		}
	}},
}
