// The fields that views and conversions share, as JSON Schema.

export const uuid = { type: "string", format: "uuid" };
export const short = { type: "string", minLength: 1, maxLength: 100 };
export const long = { type: "string", maxLength: 2048 };

export const event = {
  event_id: uuid,
  popup_id: uuid,
  session_id: short,
  visitor_id: short,
  variant_id: short,
  device_type: { enum: ["desktop", "mobile", "tablet"] },
};
