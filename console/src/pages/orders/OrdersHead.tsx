import { Link } from "../../parts/Link.tsx";

/** The ways between the orders and where they come from. */
export function OrdersHead({ page }: { page: "orders" | "sources" }) {
  return (
    <nav class="tabs" aria-label="About orders">
      <Link to={{ page: "orders" }} current={page === "orders"}>
        Orders
      </Link>
      <Link to={{ page: "sources" }} current={page === "sources"}>
        Where they come from
      </Link>
    </nav>
  );
}
