package scim

import "slices"

// What a client may find out about the server.
var (
	providerConfig = object{
		"schemas":        []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":          object{"supported": true},
		"bulk":           object{"supported": false, "maxOperations": 0, "maxPayloadSize": maxBody},
		"filter":         object{"supported": true, "maxResults": maxCount},
		"changePassword": object{"supported": false},
		"sort":           object{"supported": false},
		"etag":           object{"supported": true},
		"authenticationSchemes": []object{{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "The token that the operator has given to the provider.", "primary": true,
		}},
		"meta": object{"resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig"},
	}
	schemas       = []object{schemaOf(users), schemaOf(groups)}
	resourceTypes = []object{typeOf(users), typeOf(groups)}
)

func typeOf(k *kind) object {
	return object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"},
		"id":      k.name, "name": k.name, "endpoint": k.path, "schema": k.schema,
		"meta": object{"resourceType": "ResourceType", "location": "/scim/v2/ResourceTypes/" + k.name},
	}
}

func schemaOf(k *kind) object {
	return object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"},
		"id":      k.schema, "name": k.name, "description": k.name, "attributes": described(k.attributes),
		"meta": object{"resourceType": "Schema", "location": "/scim/v2/Schemas/" + k.schema},
	}
}

func described(list []attribute) (all []object) {
	for _, a := range list {
		o := object{
			"name": a.name, "type": a.kind, "multiValued": a.multi, "description": a.about,
			"required": a.name == "userName", "caseExact": exact[bare(a.name)] || slices.Contains([]string{"externalId", "$ref"}, a.name),
			"mutability": "readWrite", "returned": "default", "uniqueness": "none",
		}
		if a.name == "userName" {
			o["uniqueness"] = "server"
		}
		if len(a.parts) > 0 {
			o["subAttributes"] = described(a.parts)
		}
		all = append(all, o)
	}
	return all
}
