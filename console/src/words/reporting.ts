// How a shop's own server reports orders, as commands to copy. The key stands in $KEY: it is never shown.

const HEADERS = '-H "Authorization: Bearer $KEY" -H "Content-Type: application/json"';

function post(address: string, body: object): string {
  const lines = Object.entries(body).map(([name, value]) => `    "${name}": ${JSON.stringify(value)}`);
  return `curl -X POST '${address}' \\\n  ${HEADERS} \\\n  -d '{\n${lines.join(",\n")}\n  }'`;
}

/** An amount with as many decimals as the currency has. */
function amount(value: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return value.toFixed(format.resolvedOptions().maximumFractionDigits);
}

/** `address` is that of the API's orders. */
export function reportOrder(address: string, currency: string): string {
  return post(address, {
    order_id: "1001",
    revenue: amount(49.9, currency),
    currency,
    email: "ann@example.com",
    discount_codes: ["SAVE10"],
  });
}

export function reportRefund(address: string, currency: string): string {
  return post(`${address}/1001/refunds`, { refund_id: "R-1", amount: amount(9.9, currency), currency });
}
