// Values of variables, and operations with the data that they get: what graphql-js's own tests of execution exercise, as
// far as it can be put to our schema. `PRODUCT`, `OTHER`, `ORDER`, `TASK`, `USER`, `NUMBER` and `CURSOR` stand for what
// the test server has.

/**
 * A variable `$a`, where it is used, and the values in JSON that are accepted and refused; `undefined` sends none.
 *
 * @type {{ declared: string, use: string, accepted: (string | undefined)[], refused: (string | undefined)[] }[]}
 */
export const VARIABLES = [
  {
    declared: 'Int',
    use: 'products(first: $a) { totalCount }',
    accepted: [undefined, 'null', '1', '1.0', '10e-1', '-0', '-0.0', '2147483647', '-2147483648'],
    refused: ['1.5', '"1"', 'true', '[1]', '{}', '2147483648', '-2147483649', '1e10', '[]'],
  },
  { declared: 'Int!', use: 'products(first: $a) { totalCount }', accepted: ['1'], refused: [undefined, 'null', '""'] },
  {
    declared: 'Int = 1',
    use: 'products(first: $a) { totalCount }',
    accepted: [undefined, 'null', '2'],
    refused: ['"2"'],
  },
  { declared: 'Int! = 1', use: 'products(first: $a) { totalCount }', accepted: [undefined, '2'], refused: ['null'] },
  {
    declared: 'Boolean!',
    use: '__typename @skip(if: $a)',
    accepted: ['true', 'false'],
    refused: [undefined, 'null', '1', '0', '"true"', '[true]', '{}'],
  },
  {
    declared: 'String',
    use: 'products(filter: { search: $a }) { totalCount }',
    accepted: [undefined, 'null', '""', '"tea"', '"\\ud83c\\udf81"', '"\\u0000"'],
    refused: ['1', 'true', '["a"]', '{}'],
  },
  {
    declared: 'ID!',
    use: 'node(id: $a) { id }',
    accepted: ['"PRODUCT"', '7', '-7', '7.0', '""', '"x"'],
    refused: [undefined, 'null', '1.5', 'true', '["PRODUCT"]', '{}'],
  },
  {
    declared: '[ID!]!',
    use: 'nodes(ids: $a) { id }',
    accepted: ['["PRODUCT"]', '"PRODUCT"', '[]', '[7]', '7'],
    refused: [undefined, 'null', '[null]', '["PRODUCT",null]', '[["PRODUCT"]]', '[true]', '{}'],
  },
  {
    declared: 'ProductStatus',
    use: 'products(filter: { status: $a }) { totalCount }',
    accepted: [undefined, 'null', '"ACTIVE"'],
    refused: ['"active"', '"NOTHING"', '""', '0', 'true', '["ACTIVE"]', '{}'],
  },
  {
    declared: '[OrderStatus!]',
    use: 'orders(filter: { status: $a }) { totalCount }',
    accepted: [undefined, 'null', '[]', '"PENDING"', '["PENDING","SHIPPED"]'],
    refused: ['[null]', '["PENDING","x"]', '"x"', '[["PENDING"]]'],
  },
  {
    declared: 'DateTime',
    use: 'tasks(filter: { dueBefore: $a }) { totalCount }',
    accepted: [undefined, 'null', '"2026-01-31T09:30:00Z"', '"2026-01-31T09:30:00.5+01:00"'],
    refused: [
      '""',
      '"tomorrow"',
      '"2026-01-31"',
      '"2026-13-01T00:00:00Z"',
      '"2026-02-30T00:00:00Z"',
      '7',
      'true',
      '["2026-01-31T09:30:00Z"]',
      '{}',
    ],
  },
  {
    declared: 'Decimal',
    use: 'products(filter: { minPrice: $a }) { totalCount }',
    accepted: [undefined, 'null', '"12.50"', '"-1"', '"0.0001"'],
    refused: [
      '12.5',
      '12',
      '"abc"',
      '""',
      '"1."',
      '".5"',
      '"1e3"',
      '"1.00000"',
      '"922337203685477.5808"',
      '" 1"',
      '["1"]',
    ],
  },
  {
    declared: 'ProductFilter',
    use: 'products(filter: $a) { totalCount }',
    accepted: [
      undefined,
      'null',
      '{}',
      '{"search":"tea"}',
      '{"ids":"PRODUCT","skus":["tea"]}',
      '{"status":null}',
      '{"minPrice":"1"}',
    ],
    refused: [
      '"tea"',
      '[]',
      '[{}]',
      '7',
      '{"nothing":1}',
      '{"Search":"tea"}',
      '{"search":1}',
      '{"status":"x"}',
      '{"skus":[null]}',
      '{"minPrice":"abc"}',
      '{"minPrice":1}',
      '{"inStock":"true"}',
    ],
  },
  {
    declared: 'ProductOrder!',
    use: 'products(orderBy: $a) { totalCount }',
    accepted: ['{"field":"NAME","direction":"ASC"}'],
    refused: [
      undefined,
      'null',
      '{}',
      '{"field":"NAME"}',
      '{"field":"NAME","direction":null}',
      '{"field":"NAME","direction":"ASC","more":1}',
      '"NAME"',
    ],
  },
  {
    declared: 'OrderDirection!',
    use: 'products(orderBy: { field: NAME, direction: $a }) { totalCount }',
    accepted: ['"ASC"', '"DESC"'],
    refused: ['"asc"', '1', 'null', undefined],
  },
]

/**
 * Operations and the data they get, as JSON.
 *
 * @type {Record<string, { query: string, variables?: string, operationName?: string, data: string }[]>}
 */
export const EXECUTIONS = {
  'skip and include': [
    { query: '{ me { id @skip(if: true) } }', data: '{"me":{}}' },
    { query: '{ me @skip(if: true) { id } }', data: '{}' },
    { query: '{ me @include(if: false) { id } __typename }', data: '{"__typename":"Query"}' },
    { query: '{ me { role @include(if: true) id @include(if: false) } }', data: '{"me":{"role":"ADMIN"}}' },
    {
      query: '{ me { role @include(if: true) @skip(if: true) version @include(if: true) @skip(if: false) } }',
      data: '{"me":{"version":1}}',
    },
    { query: '{ me { ... @skip(if: true) { id } role } }', data: '{"me":{"role":"ADMIN"}}' },
    { query: '{ me { ...F @include(if: false) ...F } } fragment F on User { role }', data: '{"me":{"role":"ADMIN"}}' },
    {
      query: '{ ...F ...G } fragment F on Query { me @skip(if: true) { id } } fragment G on Query { me { role } }',
      data: '{"me":{"role":"ADMIN"}}',
    },
    {
      query: '{ ...F ...G } fragment F on Query { me { role @skip(if: true) } } fragment G on Query { me { version } }',
      data: '{"me":{"version":1}}',
    },
    { query: '{ me { role @skip(if: true) ... { role } } }', data: '{"me":{"role":"ADMIN"}}' },
    {
      query: 'query ($v: Boolean!) { me { role @skip(if: $v) version @include(if: $v) } }',
      variables: '{"v":true}',
      data: '{"me":{"version":1}}',
    },
    {
      query: 'query ($v: Boolean = true) { me { role @skip(if: $v) version @include(if: $v) } }',
      data: '{"me":{"version":1}}',
    },
    {
      query: 'query ($v: Boolean!) { me { role __typename @include(if: $v) } }',
      variables: '{"v":false}',
      data: '{"me":{"role":"ADMIN"}}',
    },
    { query: '{ products(first: 1) { nodes @skip(if: true) { id } } }', data: '{"products":{}}' },
    { query: '{ products(first: 2) { nodes { id @skip(if: true) } } }', data: '{"products":{"nodes":[{},{}]}}' },
    { query: '{ nodes(ids: ["PRODUCT"]) { ... on Order { id } } }', data: '{"nodes":[{}]}' },
  ],
  'the order of keys': [
    { query: '{ me { version role name } }', data: '{"me":{"version":1,"role":"ADMIN","name":"admin@example.com"}}' },
    {
      query: '{ products(first: 1) { ... @skip(if: true) { totalCount } edges { __typename } totalCount } }',
      data: '{"products":{"edges":[{"__typename":"ProductEdge"}],"totalCount":2}}',
    },
    {
      query: '{ products(first: 1) { edges @skip(if: true) { __typename } totalCount edges { __typename } } }',
      data: '{"products":{"totalCount":2,"edges":[{"__typename":"ProductEdge"}]}}',
    },
    {
      query:
        '{ products(first: 1) { totalCount ...F edges { __typename } } } fragment F on ProductConnection { edges { __typename } __typename totalCount }',
      data: '{"products":{"totalCount":2,"edges":[{"__typename":"ProductEdge"}],"__typename":"ProductConnection"}}',
    },
    {
      query: '{ me { ...F role } } fragment F on Node { ... on User { version } __typename }',
      data: '{"me":{"version":1,"__typename":"User","role":"ADMIN"}}',
    },
    {
      query: '{ me { role ...F @skip(if: true) version ...F } } fragment F on User { __typename }',
      data: '{"me":{"role":"ADMIN","version":1,"__typename":"User"}}',
    },
    {
      query: '{ b: __typename a: __typename c: me { b: role a: version } }',
      data: '{"b":"Query","a":"Query","c":{"b":"ADMIN","a":1}}',
    },
    {
      query: '{ me { orders(first: 1) { totalCount } role orders(first: 1) { nodes { id } totalCount } } }',
      data: '{"me":{"orders":{"totalCount":0,"nodes":[]},"role":"ADMIN"}}',
    },
    {
      query: '{ me { _1: role _0: version } _1: __typename _0: __typename }',
      data: '{"me":{"_1":"ADMIN","_0":1},"_1":"Query","_0":"Query"}',
    },
  ],
  'merged selections': [
    {
      query:
        '{ product(id: "PRODUCT") { sku } product(id: "PRODUCT") { name price { amount } } product(id: "PRODUCT") { price { currencyCode } } }',
      data: '{"product":{"sku":"tea","name":"tea","price":{"amount":"2.50","currencyCode":"GBP"}}}',
    },
    {
      query:
        '{ ...F ...G } fragment F on Query { product(id: "PRODUCT") { sku } } fragment G on Query { product(id: "PRODUCT") { name } }',
      data: '{"product":{"sku":"tea","name":"tea"}}',
    },
    {
      query:
        '{ a: product(id: "PRODUCT") { sku } b: product(id: "OTHER") { sku } a: product(id: "PRODUCT") { version } }',
      data: '{"a":{"sku":"tea","version":5},"b":{"sku":"cup"}}',
    },
    {
      query:
        '{ nodes(ids: ["PRODUCT", "TASK"]) { ... on Product { x: sku } ... on Task { x: title __typename } ... on Node { __typename } } }',
      data: '{"nodes":[{"x":"tea","__typename":"Product"},{"x":"Pack 🎁","__typename":"Task"}]}',
    },
    {
      query:
        '{ products(first: 1, orderBy: { field: NAME, direction: ASC }) { nodes { sku } } products(first: 1, orderBy: { direction: ASC, field: NAME }) { nodes { name } } }',
      data: '{"products":{"nodes":[{"sku":"cup","name":"cup"}]}}',
    },
    {
      query:
        '{ node(id: "PRODUCT") { ... on Product { sku } ... on Order { number } ... on Node { ... on Product { name } } } }',
      data: '{"node":{"sku":"tea","name":"tea"}}',
    },
  ],
  'null propagation': [
    { query: '{ node(id: "garbage") { id } __typename }', data: '{"node":null,"__typename":"Query"}' },
    { query: '{ __typename products(first: -1) { totalCount } }', data: 'null' },
    { query: '{ me { role orders(first: -1) { totalCount } } __typename }', data: '{"me":null,"__typename":"Query"}' },
    {
      query: '{ me { role x: orders(first: -1) { totalCount } tasks(first: 1) { totalCount } } }',
      data: '{"me":null}',
    },
    {
      query: '{ node(id: "USER") { ... on User { orders(first: 1000) { totalCount } } } __typename }',
      data: '{"node":null,"__typename":"Query"}',
    },
    {
      query: '{ nodes(ids: ["PRODUCT", "USER"]) { id ... on User { orders(first: -1) { totalCount } } } }',
      data: '{"nodes":[{"id":"PRODUCT"},null]}',
    },
    {
      query:
        '{ product(id: "prd_01ARZ3NDEKTSV4RRFFQ69G5FAV") { sku } user(id: "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV") { name } }',
      data: '{"product":null,"user":null}',
    },
    {
      query:
        '{ order(id: "ORDER") { tasks(first: 1) { nodes { assignee { orders(last: -1) { totalCount } } title } } } }',
      data: '{"order":{"tasks":{"nodes":[{"assignee":null,"title":"Pack 🎁"}]}}}',
    },
  ],
  'arguments, defaults and variables': [
    {
      query: 'query ($n: Int) { products(first: $n) { nodes { __typename } } }',
      data: '{"products":{"nodes":[{"__typename":"Product"},{"__typename":"Product"}]}}',
    },
    {
      query: 'query ($n: Int = 1) { products(first: $n) { nodes { __typename } } }',
      data: '{"products":{"nodes":[{"__typename":"Product"}]}}',
    },
    {
      query: 'query ($n: Int = 1) { products(first: $n) { nodes { __typename } } }',
      variables: '{"n":null}',
      data: '{"products":{"nodes":[{"__typename":"Product"},{"__typename":"Product"}]}}',
    },
    {
      query: 'query ($n: Int = 1) { products(first: $n) { nodes { __typename } } }',
      variables: '{"n":0}',
      data: '{"products":{"nodes":[]}}',
    },
    {
      query: 'query ($s: String) { products(filter: { skus: ["tea"], search: $s }) { totalCount } }',
      data: '{"products":{"totalCount":1}}',
    },
    {
      query: 'query ($s: [String!]) { products(filter: { skus: $s }) { nodes { sku } } }',
      variables: '{"s":"tea"}',
      data: '{"products":{"nodes":[{"sku":"tea"}]}}',
    },
    {
      query: 'query ($s: String!) { products(filter: { skus: [$s, "nothing"] }) { nodes { sku } } }',
      variables: '{"s":"tea","unknown":1}',
      data: '{"products":{"nodes":[{"sku":"tea"}]}}',
    },
    {
      query: '{ products(filter: { skus: "tea" }) { nodes { sku } } }',
      data: '{"products":{"nodes":[{"sku":"tea"}]}}',
    },
    {
      query: 'query ($f: ProductFilter = { skus: ["cup"] }) { products(filter: $f) { nodes { sku } } }',
      data: '{"products":{"nodes":[{"sku":"cup"}]}}',
    },
    { query: 'query ($i: ID = "PRODUCT") { node(id: $i) { id } }', variables: '{"i":null}', data: '{"node":null}' },
    {
      query:
        'query ($f: ProductOrderField = NAME, $d: OrderDirection!) { products(first: 1, orderBy: { field: $f, direction: $d }) { nodes { sku } } }',
      variables: '{"d":"DESC"}',
      data: '{"products":{"nodes":[{"sku":"tea"}]}}',
    },
    {
      query:
        'mutation ($d: String) { createTask(input: { title: "\\u{1F381} \\uD83C\\uDF81", description: $d }) { task { title description } } }',
      data: '{"createTask":{"task":{"title":"🎁 🎁","description":null}}}',
    },
    {
      query:
        'mutation { createTask(input: { title: "T", description: """\n    one\n      two \\"""\n\n  """ }) { task { description } } }',
      data: JSON.stringify({ createTask: { task: { description: 'one\n  two """' } } }),
    },
  ],
  'fragments and abstract types': [
    { query: '{ node(id: "PRODUCT") { __typename id } }', data: '{"node":{"__typename":"Product","id":"PRODUCT"}}' },
    {
      query:
        '{ node(id: "PRODUCT") { ...F } } fragment F on Node { ...G ...H } fragment G on Product { sku } fragment H on Task { title }',
      data: '{"node":{"sku":"tea"}}',
    },
    { query: '{ me { ... on Node { ... on Product { sku } } role } }', data: '{"me":{"role":"ADMIN"}}' },
    { query: '{ ... on Query { ... { ...F } } } fragment F on Query { __typename }', data: '{"__typename":"Query"}' },
    {
      query: '{ nodes(ids: ["USER", "ORDER", "TASK", "PRODUCT"]) { __typename } }',
      data: '{"nodes":[{"__typename":"User"},{"__typename":"Order"},{"__typename":"Task"},{"__typename":"Product"}]}',
    },
  ],
  'operations and their names': [
    { query: 'query A { a: __typename } query B { b: __typename }', operationName: 'B', data: '{"b":"Query"}' },
    { query: 'mutation A { a: __typename } query B { b: __typename }', operationName: 'A', data: '{"a":"Mutation"}' },
    { query: 'query A { a: __typename }', operationName: 'A', data: '{"a":"Query"}' },
    {
      query: 'query A($a: ID!) { node(id: $a) { id } } query B { b: __typename }',
      operationName: 'B',
      data: '{"b":"Query"}',
    },
  ],
  introspection: [
    { query: '{ __type(name: "Nothing") { name } }', data: '{"__type":null}' },
    {
      query:
        '{ __typename __schema { __typename queryType { name } mutationType { name } subscriptionType { name } } }',
      data: '{"__typename":"Query","__schema":{"__typename":"__Schema","queryType":{"name":"Query"},"mutationType":{"name":"Mutation"},"subscriptionType":{"name":"Subscription"}}}',
    },
    {
      query:
        '{ __type(name: "OrderDirection") { kind name fields { name } inputFields { name } enumValues { name isDeprecated deprecationReason } possibleTypes { name } ofType { name } } }',
      data: '{"__type":{"kind":"ENUM","name":"OrderDirection","fields":null,"inputFields":null,"enumValues":[{"name":"ASC","isDeprecated":false,"deprecationReason":null},{"name":"DESC","isDeprecated":false,"deprecationReason":null}],"possibleTypes":null,"ofType":null}}',
    },
    {
      query: '{ a: __type(name: "ProductOrder") { x: inputFields { n: name type { kind ofType { name } } } } }',
      data: '{"a":{"x":[{"n":"field","type":{"kind":"NON_NULL","ofType":{"name":"ProductOrderField"}}},{"n":"direction","type":{"kind":"NON_NULL","ofType":{"name":"OrderDirection"}}}]}}',
    },
    {
      query:
        'query ($n: String!, $s: Boolean!) { __type(name: $n) { name @skip(if: $s) kind ...F } } fragment F on __Type { kind specifiedByURL @include(if: $s) }',
      variables: '{"n":"Node","s":true}',
      data: '{"__type":{"kind":"INTERFACE","specifiedByURL":null}}',
    },
  ],
}
