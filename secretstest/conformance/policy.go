package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// policyFor lets a principal read.
func policyFor(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
}

const publicPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`

func (c *check) policy() *secretsmanager.GetResourcePolicyOutput {
	out, err := c.GetResourcePolicy(c.ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &c.name})
	c.must(err)
	return out
}

func (c *check) putPolicy(policy string, block bool) (*secretsmanager.PutResourcePolicyOutput, error) {
	return c.PutResourcePolicy(c.ctx, &secretsmanager.PutResourcePolicyInput{SecretId: &c.name, ResourcePolicy: &policy, BlockPublicPolicy: &block})
}

func (c *check) validate(policy string) (*secretsmanager.ValidateResourcePolicyOutput, error) {
	return c.ValidateResourcePolicy(c.ctx, &secretsmanager.ValidateResourcePolicyInput{ResourcePolicy: &policy})
}

var policies = []behaviour{
	{"a resource policy is kept as it was put", recorded("test_resource_policy"), func(c *check) {
		made := c.create(token())
		put, err := c.putPolicy(publicPolicy, false)
		c.must(err)
		c.same("put", put, &secretsmanager.PutResourcePolicyOutput{ARN: made.ARN, Name: made.Name})
		c.same("got", c.policy(), &secretsmanager.GetResourcePolicyOutput{ARN: made.ARN, Name: made.Name, ResourcePolicy: aws.String(publicPolicy)})
		_, err = c.DeleteResourcePolicy(c.ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: &c.name})
		c.must(err)
	}},
	{"a resource policy that was never put, or is deleted, is absent", reported("moto#6049"), func(c *check) {
		made := c.create(token())
		none := &secretsmanager.GetResourcePolicyOutput{ARN: made.ARN, Name: made.Name}
		c.same("before", c.policy(), none)
		_, err := c.putPolicy(publicPolicy, false)
		c.must(err)
		out, err := c.DeleteResourcePolicy(c.ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: &c.name})
		c.must(err)
		c.same("deleted", out, &secretsmanager.DeleteResourcePolicyOutput{ARN: made.ARN, Name: made.Name})
		c.same("after", c.policy(), none)
	}},
	{"a resource policy with invalid syntax is refused", reported("aws-cloudformation-user-guide#623"), func(c *check) {
		c.create(token())
		for _, policy := range []string{`{`, `[]`, `{"Version":"2019-10-19","Statement":[{"Effect":"Allow"}]}`, `{"Version":"2012-10-17"}`, `{"Statement":[{"Effect":"Perhaps"}]}`} {
			_, err := c.putPolicy(policy, false)
			c.refused(err, "MalformedPolicyDocumentException", "This policy has invalid syntax.")
			_, err = c.validate(policy)
			c.refused(err, "MalformedPolicyDocumentException", "This policy has invalid syntax.")
		}
	}},
	{"a resource policy needs effect, principal, action and resource, by these very names", iam("reference_policies_grammar.html"), func(c *check) {
		c.create(token())
		for _, part := range []string{
			``, `"Effect":"Allow"`, `"Effect":"Allow","Principal":"*","Action":"*"`, `"Effect":"Allow","Principal":"*","Resource":"*"`,
			`"Effect":"Allow","Action":"*","Resource":"*"`, `"Principal":"*","Action":"*","Resource":"*"`,
			`"Effect":"Allow","Principal":"*","action":"*","resource":"*"`, `"Effect":"Allow","Principal":"me","Action":"*","Resource":"*"`,
			`"Effect":"Allow","Principal":{},"Action":"*","Resource":"*"`, `"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"`,
			`"Effect":"Deny","Principal":"*","NotPrincipal":"*","Action":"*","Resource":"*"`,
		} {
			_, err := c.putPolicy(`{"Statement":[{`+part+`}]}`, false)
			c.code(err, "MalformedPolicyDocumentException")
		}
	}},
	{"BlockPublicPolicy refuses a policy for all but some, and for the root of any account", ours, func(c *check) {
		c.create(token())
		for _, policy := range []string{
			policyFor("arn:aws:iam::*:root"), strings.Replace(policyFor("arn:aws:iam::123456789012:root"), `"Principal"`, `"NotPrincipal"`, 1),
		} {
			_, err := c.putPolicy(policy, true)
			c.code(err, "PublicPolicyException")
		}
	}},
	{"BlockPublicPolicy refuses a policy for everybody", model, func(c *check) {
		c.create(token())
		for _, policy := range []string{publicPolicy, policyFor("*")} {
			_, err := c.putPolicy(policy, true)
			c.code(err, "PublicPolicyException")
		}
		_, err := c.putPolicy(policyFor("arn:aws:iam::123456789012:root"), true)
		c.must(err)
	}},
	{"ValidateResourcePolicy passes a policy for one account", cliExample("validate-resource-policy"), func(c *check) {
		out, err := c.validate(policyFor("arn:aws:iam::123456789012:root"))
		c.must(err)
		c.same("validated", out, &secretsmanager.ValidateResourcePolicyOutput{
			PolicyValidationPassed: true, ValidationErrors: []types.ValidationErrorsEntry{},
		})
	}},
	{"ValidateResourcePolicy does not pass a policy for everybody", documented("apireference/API_ValidateResourcePolicy.html"), func(c *check) {
		out, err := c.validate(publicPolicy)
		c.must(err)
		if out.PolicyValidationPassed || len(out.ValidationErrors) == 0 {
			c.errorf("got %s", show(out))
		}
	}},
	{"a resource policy of 20,481 is refused", model, func(c *check) {
		c.create(token())
		_, err := c.putPolicy(long(20481), false)
		c.code(err, "ValidationException")
	}},
	{"the resource policy of a secret scheduled for deletion is out of reach", reported("terraform-provider-aws, FindSecretPolicyByID"), func(c *check) {
		c.create(token())
		c.remove()
		_, err := c.GetResourcePolicy(c.ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &c.name})
		c.marked(err)
		_, err = c.putPolicy(publicPolicy, false)
		c.marked(err)
		_, err = c.DeleteResourcePolicy(c.ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: &c.name})
		c.marked(err)
	}},
	{"the resource policy of an absent secret", documented("apireference/API_GetResourcePolicy.html"), func(c *check) {
		_, err := c.GetResourcePolicy(c.ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &c.name})
		c.notFound(err)
		_, err = c.putPolicy(publicPolicy, false)
		c.notFound(err)
		_, err = c.DeleteResourcePolicy(c.ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: &c.name})
		c.notFound(err)
	}},
}
