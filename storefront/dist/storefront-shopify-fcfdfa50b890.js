//# allFunctionsCalledOnLoad
var t="store-visitor-told";async function e(e){try{if(sessionStorage.getItem(t)===e)return;let{ok:o}=await fetch(`${window.Shopify?.routes?.root||"/"}cart/update.js`,{method:"POST",headers:{"Content-Type":"application/json"},body:JSON.stringify({attributes:{_store_visitor:e}})});o&&sessionStorage.setItem(t,e)}catch(t){console.debug(t)}}export{e as leave};
//# sourceMappingURL=storefront-shopify-fcfdfa50b890.js.map
