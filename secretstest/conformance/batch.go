package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func (c *check) batch(in secretsmanager.BatchGetSecretValueInput) *secretsmanager.BatchGetSecretValueOutput {
	out, err := c.BatchGetSecretValue(c.ctx, &in)
	c.must(err)
	return out
}

// batchErr is the error of a whole batch.
func (c *check) batchErr(in secretsmanager.BatchGetSecretValueInput) error {
	_, err := c.BatchGetSecretValue(c.ctx, &in)
	return err
}

// entryError is a secret that a batch could not read.
func entryError(id, code, message string) types.APIErrorType {
	return types.APIErrorType{SecretId: &id, ErrorCode: &code, Message: &message}
}

func absentIDs(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = token()
	}
	return list
}

var batches = []behaviour{
	{"BatchGetSecretValue answers values and errors side by side", reported("moto#7592"), func(c *check) {
		a, b, gone := c.secret("a"), c.secret("b"), c.secret("gone")
		value, other := token(), token()
		c.createNamed(a, value)
		arn := *c.createNamed(b, other).ARN
		c.createNamed(gone, token())
		_, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &gone})
		c.must(err)
		out := c.batch(secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{a, c.name, arn, gone}})
		if len(out.SecretValues) != 2 {
			c.fatalf("%d values", len(out.SecretValues))
		}
		v := out.SecretValues[0]
		c.same("entry", v, types.SecretValueEntry{
			ARN: v.ARN, Name: &a, SecretString: &value, VersionId: v.VersionId, VersionStages: []string{"AWSCURRENT"}, CreatedDate: v.CreatedDate,
		})
		c.same("the second", out.SecretValues[1].SecretString, other)
		c.same("errors", out.Errors, []types.APIErrorType{
			entryError(c.name, "ResourceNotFoundException", textNotFound),
			entryError(gone, "InvalidRequestException", textMarked),
		})
	}},
	{"BatchGetSecretValue reads AWSCURRENT", documented("apireference/API_BatchGetSecretValue.html"), func(c *check) {
		c.create(token())
		id := c.put(token())
		c.put(token(), "AWSPENDING")
		out := c.batch(secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{c.name}})
		c.same("version", out.SecretValues[0].VersionId, id)
	}},
	{"BatchGetSecretValue answers an id as often as it is sent", ours, func(c *check) {
		c.create(token())
		out := c.batch(secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{c.name, c.name}})
		c.same("values", len(out.SecretValues), 2)
	}},
	{"BatchGetSecretValue takes 20 ids", model, func(c *check) {
		out := c.batch(secretsmanager.BatchGetSecretValueInput{SecretIdList: absentIDs(20)})
		c.same("errors", len(out.Errors), 20)
	}},
	{"BatchGetSecretValue refuses 21 ids", model, func(c *check) {
		c.code(c.batchErr(secretsmanager.BatchGetSecretValueInput{SecretIdList: absentIDs(21)}), "ValidationException")
	}},
	{"BatchGetSecretValue refuses neither ids nor filters", reported("moto#7519"), func(c *check) {
		c.refused(c.batchErr(secretsmanager.BatchGetSecretValueInput{}),
			"InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}},
	{"BatchGetSecretValue refuses both ids and filters", reported("moto#7519"), func(c *check) {
		c.refused(c.batchErr(secretsmanager.BatchGetSecretValueInput{
			SecretIdList: []string{c.name}, Filters: []types.Filter{{Key: "name", Values: []string{c.name}}},
		}), "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}},
	{"BatchGetSecretValue refuses MaxResults with ids", reported("moto#7519"), func(c *check) {
		c.refused(c.batchErr(secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{c.name}, MaxResults: aws.Int32(1)}),
			"InvalidParameterException", "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}},
	{"BatchGetSecretValue by filter answers in pages", documented("apireference/API_BatchGetSecretValue.html"), func(c *check) {
		c.listable()
		names := []string{c.secret("a"), c.secret("b"), c.secret("c")}
		for _, name := range names {
			c.createNamed(name, token())
		}
		in := secretsmanager.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{c.name}}}, MaxResults: aws.Int32(2)}
		first := c.batch(in)
		in.NextToken = first.NextToken
		second := c.batch(in)
		c.same("pages", []int{len(first.SecretValues), len(second.SecretValues)}, []int{2, 1})
		c.same("last", []any{second.SecretValues[0].Name, second.NextToken}, []any{names[2], nil})
	}},
	{"BatchGetSecretValue by filter may answer a page without values", documented("apireference/API_BatchGetSecretValue.html (NextToken)"), func(c *check) {
		c.listable()
		empty, full := c.secret("empty"), c.secret("full")
		made := c.createWith(secretsmanager.CreateSecretInput{Name: &empty})
		c.createNamed(full, token())
		in := secretsmanager.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{c.name}}}, MaxResults: aws.Int32(1)}
		first := c.batch(in)
		c.same("values", len(first.SecretValues), 0)
		c.same("errors", first.Errors, []types.APIErrorType{
			entryError(*made.ARN, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"),
		})
		in.NextToken = first.NextToken
		c.same("the next page", c.batch(in).SecretValues[0].Name, full)
	}},
	{"BatchGetSecretValue refuses MaxResults over 20", model, func(c *check) {
		c.refused(c.batchErr(secretsmanager.BatchGetSecretValueInput{
			Filters: []types.Filter{{Key: "name", Values: []string{c.name}}}, MaxResults: aws.Int32(21),
		}), "ValidationException", violation("Value '21'", "maxResults", "have value less than or equal to 20"))
	}},
}
